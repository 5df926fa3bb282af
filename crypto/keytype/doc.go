// Package keytype holds the vault's key types behind one small set of
// interfaces. A type is one file that registers itself; nothing else in the
// project lists types. The package is pure: randomness and time are passed
// in, nothing is logged, no file is touched.
package keytype
