// Package fernet makes and opens Fernet tokens (https://github.com/fernet/spec):
// AES-128-CBC and HMAC-SHA-256 over a version byte, a time stamp and an
// initialisation vector, in URL-safe base64. Tokens and keys are the same,
// byte for byte, as those of pyca/cryptography and every other implementation.
//
// A token shows to everybody when it was made, and has no room for associated
// data or a key identifier. The clock and the source of randomness are passed in.
package fernet
