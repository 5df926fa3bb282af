// Package autoseal has a real daemon seal its vault by itself: when no key is used,
// at a signal, and at the word of a logind on a bus of the test's own.
package autoseal
