package keytype

import (
	"fmt"
	"io"

	"github.com/tink-crypto/tink-go/v2/kwp/subtle"
)

// AES-KWP (RFC 5649, NIST SP 800-38F) is deterministic and has no associated
// data, so that its keys do nothing but wrap other keys.
var typeAES256KWP = &Type{
	Name: "aes-256-kwp", ID: IDAES256KWP, Bits: 256,
	Uses: UseWrap | UseUnwrap, DefaultUses: UseWrap | UseUnwrap,
	Generate: generateSymmetric,
}

func init() {
	typeAES256KWP.Parse = parseKWP
	Register(typeAES256KWP)
}

type kwpKey struct {
	symmetric
	kwp *subtle.KWP
}

var _ Unwrapper = (*kwpKey)(nil)

func parseKWP(material []byte) (Key, error) {
	if err := checkSymmetric(typeAES256KWP, material); err != nil {
		return nil, err
	}
	kwp, err := subtle.NewKWP(material)
	if err != nil {
		return nil, ErrMaterial
	}
	return &kwpKey{symmetric: newSymmetric(typeAES256KWP, material), kwp: kwp}, nil
}

// Wrap takes material of 16 to 8192 bytes.
func (k *kwpKey) Wrap(_ io.Reader, a WrapAlgorithm, material []byte) ([]byte, WrapAlgorithm, error) {
	if k.kwp == nil {
		return nil, a, errWiped
	}
	if a != WrapDefault && a != WrapAESKWP {
		return nil, a, otherWrap(k.kind)
	}
	wrapped, err := wrapKWP(k.kwp, material)
	return wrapped, WrapAESKWP, err
}

func (k *kwpKey) Unwrap(a WrapAlgorithm, wrapped []byte) ([]byte, error) {
	if k.kwp == nil {
		return nil, errWiped
	}
	if a != WrapDefault && a != WrapAESKWP {
		return nil, otherWrap(k.kind)
	}
	return unwrapKWP(k.kwp, wrapped)
}

// Wipe drops the expanded key, which is the standard library's.
func (k *kwpKey) Wipe() { k.kwp = nil }

func wrapKWP(k *subtle.KWP, material []byte) ([]byte, error) {
	wrapped, err := k.Wrap(material)
	if err != nil {
		return nil, fmt.Errorf("%w: AES-KWP wraps %d to %d bytes, not %d", ErrOptions, subtle.MinWrapSize, subtle.MaxWrapSize, len(material))
	}
	return wrapped, nil
}

// unwrapKWP may take another time for each failure: the mode is a strong
// pseudorandom permutation, and what a wrong key or ciphertext gives tells
// nothing of either (NIST SP 800-38F, appendix A.3). All failures are one
// ErrDecrypt all the same.
func unwrapKWP(k *subtle.KWP, wrapped []byte) ([]byte, error) {
	material, err := k.Unwrap(wrapped)
	if err != nil {
		return nil, ErrDecrypt
	}
	return material, nil
}

func otherWrap(t *Type) error {
	return fmt.Errorf("%w: a key of type %s does not wrap by that algorithm", ErrOptions, t.Name)
}
