package kdf

import (
	"crypto"
	"crypto/hkdf"
	"fmt"
)

// maxBlocks is how many hash outputs HKDF can give, since its block counter
// is one byte (RFC 5869, section 2.3).
const maxBlocks = 255

// HKDF extracts from secret and expands to size bytes, which the caller wipes
// (RFC 5869). A nil salt is a string of zeros as long as the hash. It returns
// ErrHash, and ErrSize for a size outside 1 to 255 hash lengths.
func HKDF(h crypto.Hash, secret, salt, info []byte, size int) ([]byte, error) {
	if err := checkExpansion(h, size); err != nil {
		return nil, err
	}
	return hkdf.Key(h.New, secret, salt, string(info), size)
}

// Extract concentrates secret into one pseudorandom key as long as the hash,
// which the caller wipes (RFC 5869, section 2.2). It returns ErrHash.
func Extract(h crypto.Hash, secret, salt []byte) ([]byte, error) {
	if err := checkHash(h); err != nil {
		return nil, err
	}
	return hkdf.Extract(h.New, secret, salt)
}

// Expand derives size bytes from a key that is uniformly random already, such
// as what Extract returns (RFC 5869, section 2.3). It returns ErrHash, and
// ErrSize for a size outside 1 to 255 hash lengths.
func Expand(h crypto.Hash, key, info []byte, size int) ([]byte, error) {
	if err := checkExpansion(h, size); err != nil {
		return nil, err
	}
	return hkdf.Expand(h.New, key, string(info), size)
}

func checkExpansion(h crypto.Hash, size int) error {
	if err := checkHash(h); err != nil {
		return err
	}
	if size < 1 || size > maxBlocks*h.Size() {
		return fmt.Errorf("%w: %d bytes from HKDF-%v", ErrSize, size, h)
	}
	return nil
}
