// Package interop exchanges keys, tokens and signatures with other programs,
// in both directions, through vaultctl and curl and a running daemon:
// pyca/cryptography (the library of the original program), openssl and
// ssh-keygen. A test whose counterpart is not installed is skipped.
package interop
