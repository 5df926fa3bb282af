// Package flip damages the files of a sealed vault in every way that can be
// thought of, one damage at a time, and looks at what the daemon makes of it:
// it works as before, or it names the damage. It never panics, hangs, gives a
// wrong plaintext, or forgets a key.
//
// VAULTD_FLIPS sets the number of random damages.
package flip
