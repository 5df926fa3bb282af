// Package agefile makes and opens files in the age format
// (https://c2sp.org/age, version 1) whose file key a key of the vault protects.
// The format is filippo.io/age's; what is here is who the recipient is: a
// stanza of the vault's own for symmetric keys, and age's X25519 stanza for
// keys of type x25519. It knows no daemon, only the few operations it asks for,
// and sees no key of the vault. docs/STREAMS.md has the bytes.
package agefile
