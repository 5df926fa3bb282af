// Package ffdh is Diffie-Hellman over the integers modulo a 2048-bit safe
// prime: group 14 of RFC 3526 and ffdhe2048 of RFC 7919, and no other group.
//
// Exponentiation with a private exponent takes time that does not depend on
// the exponent (filippo.io/bigmod). Public values are validated in full before
// they are used (NIST SP 800-56A rev. 3, section 5.6.2.3.1): in the range
// 2 … p-2 and in the subgroup of prime order q. That check works on public
// values only and may take variable time.
//
// Private exponents are made 256 bits long. SP 800-56A, section 5.6.1.1.4,
// asks for at least 2·112 bits with a 2048-bit modulus and RFC 7919 for 225;
// OpenSSL, and with it pyca/cryptography, makes 225. Longer ones, up to q-1,
// are read as well.
//
// A shared secret is always 256 bytes, padded with zeros on the left, as NIST
// SP 800-56A (section 5.7.1.1 with appendix C.1), RFC 8446 and
// pyca/cryptography have it; RFC 2631's ZZ is the same. Run a key derivation
// function over it before use.
//
// Keys are written with the algorithm dhKeyAgreement of PKCS #3, which every
// version of pyca/cryptography reads, or on request with dhpublicnumber of ANSI
// X9.42, which version 48 writes; both are read.
package ffdh
