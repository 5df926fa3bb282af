package kdf

import (
	"crypto"
	_ "crypto/sha1" // PBKDF2-HMAC-SHA-1 is sound, and the default PRF of PKCS #5 files
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"
)

// Errors of this package.
var (
	// ErrHash says that a hash is not one of the SHA family that this package takes.
	ErrHash = errors.New("hash is none of SHA-1, SHA-224, SHA-256, SHA-384, SHA-512")
	// ErrSize says that the wanted output is empty or longer than the function can give.
	ErrSize = errors.New("derived key size out of range")
	// ErrWeakParams says that a password hash would be too cheap, or that it
	// would take so long that somebody is trying to stall us.
	ErrWeakParams = errors.New("password hashing parameters out of range")
)

func checkHash(h crypto.Hash) error {
	switch h {
	case crypto.SHA1, crypto.SHA224, crypto.SHA256, crypto.SHA384, crypto.SHA512:
		return nil
	}
	return fmt.Errorf("%w: %v", ErrHash, h)
}
