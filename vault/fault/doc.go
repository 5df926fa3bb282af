// Package fault holds the errors that a user of the vault can see: a stable
// code, what is wrong, and the way out. It imports nothing, so that a client
// can compare errors without linking the vault itself.
package fault
