package keytype

import (
	"bytes"
	"io"

	"github.com/tink-crypto/tink-go/v2/daead/subtle"
)

// AES-256-SIV (RFC 5297, AEAD_AES_SIV_CMAC_512) is the one deterministic type:
// the same plaintext under the same key and associated data gives the same
// ciphertext, so that equal values can be found without being opened. That is
// also what it tells everybody, and why it is a type of its own.
var typeAES256SIV = &Type{
	Name: "aes-256-siv", ID: IDAES256SIV, Bits: 256,
	Uses: UseEncrypt | UseDecrypt, DefaultUses: UseEncrypt | UseDecrypt,
	Generate: func(random io.Reader) ([]byte, error) { return generateBytes(random, subtle.AESSIVKeySize) },
}

func init() {
	typeAES256SIV.Parse = parseSIV
	Register(typeAES256SIV)
}

// sivOverhead is the synthetic initialisation vector, which is the tag too.
const sivOverhead = 16

type sivKey struct {
	symmetric
	material []byte // the library keeps no copy but this one
	siv      *subtle.AESSIV
}

var _ AEAD = (*sivKey)(nil)

func parseSIV(material []byte) (Key, error) {
	if err := checkSize(typeAES256SIV, material, subtle.AESSIVKeySize); err != nil {
		return nil, err
	}
	own := bytes.Clone(material)
	siv, err := subtle.NewAESSIV(own)
	if err != nil {
		clear(own)
		return nil, ErrMaterial
	}
	return &sivKey{symmetric: newSymmetric(typeAES256SIV, material), material: own, siv: siv}, nil
}

func (k *sivKey) Overhead() int { return sivOverhead }

// Seal appends the synthetic initialisation vector and the ciphertext to dst.
func (k *sivKey) Seal(dst, plaintext, aad []byte) ([]byte, error) {
	if k.siv == nil {
		return nil, errWiped
	}
	sealed, err := k.siv.EncryptDeterministically(plaintext, aad)
	if err != nil {
		return nil, err
	}
	return append(dst, sealed...), nil
}

// Open appends the plaintext to dst.
func (k *sivKey) Open(dst, sealed, aad []byte) ([]byte, error) {
	if k.siv == nil {
		return nil, errWiped
	}
	plaintext, err := k.siv.DecryptDeterministically(sealed, aad)
	if err != nil {
		return nil, ErrDecrypt
	}
	dst = append(dst, plaintext...)
	clear(plaintext)
	return dst, nil
}

// Wipe overwrites the key and drops what is expanded from it.
func (k *sivKey) Wipe() {
	clear(k.material)
	k.material, k.siv = nil, nil
}
