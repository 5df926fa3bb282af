// Package keytype holds the vault's key types behind one small set of
// interfaces. A type is one file that registers itself; nothing else in the
// project lists types. The package does no I/O, keeps no clock and logs
// nothing: time and the randomness of new keys are passed in, and only what
// must be fresh for each message (nonces, initialisation vectors) is drawn
// from crypto/rand, so that no caller can get it wrong.
//
// Symmetric material is raw bytes, asymmetric material PKCS #8 DER (RFC 5958)
// in the one encoding that the standard library writes. Wipe overwrites what
// this project holds of a key; the expanded keys inside the standard library
// can only be dropped.
package keytype
