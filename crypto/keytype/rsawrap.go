package keytype

import (
	"crypto"
	"fmt"
	"io"

	"github.com/tink-crypto/tink-go/v2/kwp/subtle"
)

var (
	_ WrappingKey = (*rsaPublic)(nil)
	_ Unwrapper   = (*rsaKey)(nil)
)

// kekSize is the AES-256 key between the two layers of WrapRSAAESKWP.
const kekSize = 32

// Wrap encrypts key material to the public key, by default with a fresh AES key
// in between, since most material is longer than what RSA-OAEP takes.
func (k *rsaPublic) Wrap(random io.Reader, a WrapAlgorithm, material []byte) ([]byte, WrapAlgorithm, error) {
	switch a {
	case WrapDefault:
		a = WrapRSAAESKWP
	case WrapRSAOAEP, WrapRSAAESKWP:
	default:
		return nil, a, otherWrap(k.kind)
	}
	if a == WrapRSAOAEP {
		wrapped, err := k.EncryptOAEP(random, crypto.SHA256, material, nil)
		return wrapped, a, err
	}
	kek := make([]byte, kekSize)
	defer clear(kek)
	if _, err := io.ReadFull(random, kek); err != nil {
		return nil, a, fmt.Errorf("make a key to wrap with: %w", err)
	}
	kwp, err := subtle.NewKWP(kek)
	if err != nil {
		return nil, a, err
	}
	inner, err := wrapKWP(kwp, material)
	if err != nil {
		return nil, a, err
	}
	outer, err := k.EncryptOAEP(random, crypto.SHA256, kek, nil)
	if err != nil {
		return nil, a, err
	}
	return append(outer, inner...), a, nil
}

// Unwrap opens what Wrap made, and what PKCS #11 devices and the import tools
// of cloud services make.
func (k *rsaKey) Unwrap(a WrapAlgorithm, wrapped []byte) ([]byte, error) {
	switch a {
	case WrapRSAOAEP:
		return k.DecryptOAEP(crypto.SHA256, wrapped, nil)
	case WrapDefault, WrapRSAAESKWP:
	default:
		return nil, otherWrap(k.kind)
	}
	size := k.public.Size()
	if len(wrapped) < size {
		return nil, ErrDecrypt
	}
	kek, err := k.DecryptOAEP(crypto.SHA256, wrapped[:size], nil)
	if err != nil {
		return nil, err
	}
	defer clear(kek)
	kwp, err := subtle.NewKWP(kek) // of 128 or 256 bits, as others choose
	if err != nil {
		return nil, ErrDecrypt
	}
	return unwrapKWP(kwp, wrapped[size:])
}
