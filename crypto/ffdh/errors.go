package ffdh

import "errors"

// Errors that callers tell apart.
var (
	// ErrFormat says that bytes are not the DER of a Diffie-Hellman key.
	ErrFormat = errors.New("malformed Diffie-Hellman key")
	// ErrGroup says that a key is of a group that is not accepted, or two keys are of different groups.
	ErrGroup = errors.New("the Diffie-Hellman group must be ffdhe2048 (RFC 7919) or modp2048 (RFC 3526, group 14), each with generator 2, and the same on both sides")
	// ErrPublicKey says that a public value is out of range or not in the prime-order subgroup.
	ErrPublicKey = errors.New("Diffie-Hellman public value is not valid")
	// ErrPrivateKey says that a private exponent is zero, too small to be secret, or not below q.
	ErrPrivateKey = errors.New("Diffie-Hellman private value is not valid")
)
