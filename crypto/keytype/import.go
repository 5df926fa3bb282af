package keytype

import (
	"bytes"
	"crypto/x509"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// foreign is a key with checks that are too slow for every Parse, and that
// matter only when somebody else made the material.
type foreign interface{ checkForeign() error }

// Import returns the canonical material of a key that somebody else made, and
// which the caller wipes. Symmetric material must be raw bytes; asymmetric
// material may be any PKCS #8 DER (RFC 5958) of one key, also with attributes
// or an enclosed public key. It makes checks that Parse leaves out, such as
// whether the factors of an RSA modulus are prime. It returns ErrMaterial.
func (t *Type) Import(material []byte) ([]byte, error) {
	canonical, err := t.canonical(material)
	if err != nil {
		return nil, err
	}
	key, err := t.Parse(canonical)
	if err == nil {
		defer key.Wipe()
		if f, ok := key.(foreign); ok {
			err = f.checkForeign()
		}
	}
	if err != nil {
		clear(canonical)
		return nil, err
	}
	return canonical, nil
}

// canonical returns a copy of material in the encoding that Parse takes.
func (t *Type) canonical(material []byte) ([]byte, error) {
	if !t.Asymmetric() {
		return bytes.Clone(material), nil
	}
	if err := checkEncoded(material); err != nil {
		return nil, err
	}
	var outer cryptobyte.String
	if in := cryptobyte.String(material); !in.ReadASN1(&outer, asn1.SEQUENCE) || !in.Empty() {
		return nil, fmt.Errorf("%w: not one PKCS #8 structure in DER", ErrMaterial)
	}
	key, err := x509.ParsePKCS8PrivateKey(material)
	if err != nil {
		// A type that the standard library does not know reads its own encoding only.
		return bytes.Clone(material), nil
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMaterial, err)
	}
	return encoded, nil
}

// ImportPKCS8 is Import for a private key whose type the caller doesn't know.
// The first type in the order of numbers that takes the key wins, so that a key
// on P-256 is an ecdsa-p256 key here. It returns ErrMaterial when no type does.
func ImportPKCS8(der []byte) (*Type, []byte, error) {
	for _, t := range sorted {
		if !t.Asymmetric() {
			continue
		}
		if material, err := t.Import(der); err == nil {
			return t, material, nil
		}
	}
	return nil, nil, fmt.Errorf("%w: not the PKCS #8 of a type that the vault knows", ErrMaterial)
}
