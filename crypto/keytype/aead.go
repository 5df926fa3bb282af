package keytype

import (
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"slices"
)

// extended is a key of an AEAD with a 192-bit nonce, which is so long that
// it is drawn at random for each message and never runs out.
type extended struct {
	symmetric
	aead cipher.AEAD
	wipe func() // may be nil
	max  uint64 // longest plaintext in bytes
}

var _ AEAD = (*extended)(nil)

// Sizes in bytes, the same for all of them.
const (
	extendedNonce = 24
	extendedTag   = 16
)

// Overhead is the nonce and the tag.
func (k *extended) Overhead() int { return extendedNonce + extendedTag }

// Seal appends nonce, ciphertext and tag to dst.
func (k *extended) Seal(dst, plaintext, aad []byte) ([]byte, error) {
	if k.aead == nil {
		return nil, errWiped
	}
	if uint64(len(plaintext)) > k.max {
		return nil, fmt.Errorf("%w: %d bytes are too long for one message", ErrOptions, len(plaintext))
	}
	dst = slices.Grow(dst, len(plaintext)+k.Overhead())
	nonce := dst[len(dst) : len(dst)+extendedNonce]
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("draw a nonce: %w", err)
	}
	return k.aead.Seal(dst[:len(dst)+extendedNonce], nonce, plaintext, aad), nil
}

// Open appends the plaintext to dst.
func (k *extended) Open(dst, sealed, aad []byte) ([]byte, error) {
	if k.aead == nil {
		return nil, errWiped
	}
	if len(sealed) < k.Overhead() || uint64(len(sealed)-k.Overhead()) > k.max {
		return nil, ErrDecrypt
	}
	plaintext, err := k.aead.Open(dst, sealed[:extendedNonce], sealed[extendedNonce:], aad)
	if err != nil {
		return nil, ErrDecrypt
	}
	return plaintext, nil
}

// Wipe drops the expanded key and overwrites what this project holds of it.
func (k *extended) Wipe() {
	if k.wipe != nil {
		k.wipe()
	}
	k.aead, k.wipe = nil, nil
}
