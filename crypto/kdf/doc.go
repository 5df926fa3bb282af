// Package kdf derives keys: PBKDF2-HMAC (RFC 8018, section 5.2) from passwords,
// HKDF (RFC 5869) from secrets with enough entropy. What may come from a file
// or a peer has a function that bounds the cost before it pays it.
package kdf
