// Package keyenc reads and writes keys in the files that other programs know:
// PKCS #8 plain and encrypted (RFC 5208, RFC 8018), PKCS #1 (RFC 8017), SEC 1
// (RFC 5915), SubjectPublicKeyInfo (RFC 5280), all in PEM (RFC 7468) or DER,
// OpenSSH private keys and public key lines, JSON Web Keys (RFC 7517), and one
// compatibility format of salt and Fernet token. ParseAny is the one way in for
// private keys of unknown make.
//
// It knows envelopes, not keys: what is inside is read by crypto/keytype.
// Everything read is bounded before work is done for it, in DER without
// exceptions, and one object only: trailing bytes, headers, several PEM blocks
// and text around them are refused. A wrong passphrase (ErrPassphrase) is told
// apart from a damaged file (ErrFormat) as far as the format allows.
package keyenc
