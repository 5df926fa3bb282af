package keytype

import (
	"crypto/rand"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
)

// "chacha20-poly1305" is XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), whose
// 192-bit nonce can be drawn at random without counting messages, which the
// 96 bits of RFC 8439 don't allow.
var typeChaCha20Poly1305 = &Type{
	Name: "chacha20-poly1305", ID: IDChaCha20Poly1305, Bits: 256,
	Uses: UseEncrypt | UseDecrypt, DefaultUses: UseEncrypt | UseDecrypt,
	Generate: generateSymmetric,
}

// maxChaCha20 is what the cipher's 32-bit block counter leaves to a message.
const maxChaCha20 = (1<<32 - 2) * 64

func init() {
	typeChaCha20Poly1305.Parse = parseChaCha20Poly1305
	Register(typeChaCha20Poly1305)
}

func parseChaCha20Poly1305(material []byte) (Key, error) {
	if err := checkSymmetric(typeChaCha20Poly1305, material); err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(material)
	if err != nil {
		return nil, ErrMaterial
	}
	seal := func(dst, plaintext, aad []byte) []byte {
		dst = slices.Grow(dst, extendedNonce+len(plaintext)+extendedTag)
		nonce := dst[len(dst) : len(dst)+extendedNonce]
		rand.Read(nonce)
		return aead.Seal(dst[:len(dst)+extendedNonce], nonce, plaintext, aad)
	}
	return &extended{symmetric: newSymmetric(typeChaCha20Poly1305, material), aead: aead, seal: seal, max: maxChaCha20}, nil
}
