package keytype

import (
	"crypto/cipher"
	"fmt"
)

// extended is a key of an AEAD with a 192-bit nonce, which is so long that
// it is drawn at random for each message and never runs out.
type extended struct {
	symmetric
	aead cipher.AEAD
	seal func(dst, plaintext, aad []byte) []byte // draws the nonce
	wipe func()                                  // may be nil
	max  uint64                                  // longest plaintext in bytes
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
	return k.seal(dst, plaintext, aad), nil
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
	k.aead, k.seal, k.wipe = nil, nil, nil
}
