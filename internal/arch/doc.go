// Package arch holds the tests that keep the shape of the house: which package
// may import which. Arrows point one way, cmd -> ipc -> vault -> crypto.
package arch
