// Package bip39 writes random bytes as words that people can copy by hand, and
// reads them back. It is the encoding of BIP-39 with the English list: eleven
// bits a word, the last of them a checksum, so that a slip of the pen is told
// from another phrase. What BIP-39 derives from words by hashing is not here:
// the bytes themselves are the secret.
//
// english.txt is the list of the specification (bitcoin/bips, MIT licence),
// SHA-256 2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda.
package bip39
