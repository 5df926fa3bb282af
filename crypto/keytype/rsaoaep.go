package keytype

import (
	"crypto"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
)

// EncryptOAEP encrypts with RSAES-OAEP (RFC 8017, section 7.1): one of SHA-256
// (when hash is 0), SHA-384 and SHA-512, for the label and for MGF1. It
// returns ErrOptions for another hash, and for a plaintext longer than the
// modulus less two hashes and two bytes.
func (k *rsaPublic) EncryptOAEP(random io.Reader, hash crypto.Hash, plaintext, label []byte) ([]byte, error) {
	hash, err := oaepHash(hash)
	if err != nil {
		return nil, err
	}
	ciphertext, err := rsa.EncryptOAEP(hash.New(), random, k.public, plaintext, label)
	if errors.Is(err, rsa.ErrMessageTooLong) {
		return nil, fmt.Errorf("%w: %d bytes are more than an %s key can encrypt with %v (%d)",
			ErrOptions, len(plaintext), k.kind.Name, hash, k.public.Size()-2*hash.Size()-2)
	}
	return ciphertext, err
}

// DecryptOAEP opens what EncryptOAEP made. All failures are one ErrDecrypt, and
// take the same time, so that there is no oracle (Manger's attack).
func (k *rsaKey) DecryptOAEP(hash crypto.Hash, ciphertext, label []byte) ([]byte, error) {
	if k.private == nil {
		return nil, errWiped
	}
	hash, err := oaepHash(hash)
	if err != nil {
		return nil, err
	}
	// RFC 8017, section 7.1.2, step 1b: the standard library takes shorter ones too.
	if len(ciphertext) != k.public.Size() {
		return nil, ErrDecrypt
	}
	plaintext, err := rsa.DecryptOAEP(hash.New(), nil, k.private, ciphertext, label)
	if err != nil {
		return nil, ErrDecrypt
	}
	return plaintext, nil
}

func oaepHash(h crypto.Hash) (crypto.Hash, error) {
	if h == 0 {
		return crypto.SHA256, nil
	}
	return h, checkSignatureHash(h)
}
