package keytype

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"

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
	if t.normal != nil {
		return t.normal(material)
	}
	key, err := x509.ParsePKCS8PrivateKey(material)
	if err != nil {
		// A type that the standard library does not know reads its own encoding only.
		return bytes.Clone(material), nil
	}
	if ec, ok := key.(*ecdsa.PrivateKey); ok {
		if err := checkEnclosed(material, ec); err != nil {
			return nil, err
		}
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMaterial, err)
	}
	return encoded, nil
}

// checkEnclosed refuses an EC private key (RFC 5915) that encloses the public half
// of another one, or a point that is not on the curve. The standard library
// reads over it.
func checkEnclosed(material []byte, key *ecdsa.PrivateKey) error {
	var outer, octets, inner, point cryptobyte.String
	var has bool
	in := cryptobyte.String(material)
	if !in.ReadASN1(&outer, asn1.SEQUENCE) || !outer.SkipASN1(asn1.INTEGER) || !outer.SkipASN1(asn1.SEQUENCE) ||
		!outer.ReadASN1(&octets, asn1.OCTET_STRING) || !octets.ReadASN1(&inner, asn1.SEQUENCE) ||
		!inner.SkipASN1(asn1.INTEGER) || !inner.SkipASN1(asn1.OCTET_STRING) ||
		!inner.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) ||
		!inner.ReadOptionalASN1(&point, &has, asn1.Tag(1).Constructed().ContextSpecific()) {
		return fmt.Errorf("%w: not an EC private key", ErrMaterial)
	}
	if !has {
		return nil
	}
	var bits []byte
	own, err := key.PublicKey.Bytes()
	if err != nil || !point.ReadASN1BitStringAsBytes(&bits) {
		return fmt.Errorf("%w: not an EC private key", ErrMaterial)
	}
	// A compressed point has the same x after its first byte.
	if !bytes.Equal(bits, own) && (len(bits) != 1+len(own)/2 || bits[0] != 2+own[len(own)-1]&1 || !bytes.Equal(bits[1:], own[1:len(bits)])) {
		return fmt.Errorf("%w: the enclosed public key is of another key, or not on the curve", ErrMaterial)
	}
	return nil
}

// ImportPKCS8 is Import for a private key whose type the caller doesn't know.
// The first type in the order of numbers that takes the key wins, so that a key
// on P-256 is an ecdsa-p256 key here. It returns ErrMaterial when no type does,
// with the reason of the type that the key would have been.
func ImportPKCS8(der []byte) (*Type, []byte, error) {
	if err := checkEncoded(der); err != nil {
		return nil, nil, err
	}
	kinds, err := kindsOf(der)
	if err != nil {
		return nil, nil, err
	}
	var reason error
	for _, t := range kinds {
		material, err := t.Import(der)
		if err == nil {
			return t, material, nil
		}
		if reason == nil {
			reason = err
		}
	}
	if reason == nil || len(kinds) > 1 {
		reason = fmt.Errorf("%w: not the PKCS #8 of a type that the vault knows", ErrMaterial)
	}
	return nil, nil, reason
}

// kindsOf are the types that the key may be of: the one by algorithm and size
// where the standard library knows it, else all that it doesn't.
func kindsOf(der []byte) ([]*Type, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		if isRSA(der) {
			return nil, fmt.Errorf("%w: %w", ErrMaterial, err) // what the numbers lack
		}
		return keyPairs(), nil
	}
	var id uint16
	switch k := parsed.(type) {
	case *rsa.PrivateKey:
		id, err = rsaID(k.N.BitLen())
	case *ecdsa.PrivateKey:
		id, err = ecdsaID(k.Curve)
	case ed25519.PrivateKey:
		id = IDEd25519
	case *ecdh.PrivateKey:
		id = IDX25519
	}
	if err != nil {
		return nil, err
	}
	if t, ok := ByID(id); ok {
		return []*Type{t}, nil
	}
	return keyPairs(), nil
}

// keyPairs are all types with a public half.
func keyPairs() []*Type {
	return slices.DeleteFunc(All(), func(t *Type) bool { return !t.Asymmetric() })
}

func rsaID(bits int) (uint16, error) {
	switch bits {
	case 2048:
		return IDRSA2048, nil
	case 3072:
		return IDRSA3072, nil
	case 4096:
		return IDRSA4096, nil
	}
	if bits < 2048 {
		return 0, fmt.Errorf("%w: an RSA key of %d bits is too weak; it takes 2048 at least (NIST SP 800-131A)", ErrMaterial, bits)
	}
	return 0, fmt.Errorf("%w: RSA keys have 2048, 3072 or 4096 bits, not %d", ErrMaterial, bits)
}

func ecdsaID(curve elliptic.Curve) (uint16, error) {
	switch curve {
	case elliptic.P256():
		return IDECDSAP256, nil
	case elliptic.P384():
		return IDECDSAP384, nil
	case elliptic.P521():
		return IDECDSAP521, nil
	}
	return 0, fmt.Errorf("%w: %s is too weak; the curves are P-256, P-384 and P-521", ErrMaterial, curve.Params().Name)
}

// rsaAlgorithm is the object identifier rsaEncryption with its tag and length.
var rsaAlgorithm = []byte("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")

func isRSA(der []byte) bool { return bytes.Contains(der[:min(len(der), 32)], rsaAlgorithm) }

// ParseWrapping reads a SubjectPublicKeyInfo (RFC 5280) in DER as a key to wrap
// others under: an RSA key, or one of an HPKE type. It returns ErrMaterial when
// no type takes it.
func ParseWrapping(spki []byte) (WrappingKey, error) {
	if err := checkEncoded(spki); err != nil {
		return nil, err
	}
	for _, t := range sorted {
		if t.ParseWrapping == nil {
			continue
		}
		if key, err := t.ParseWrapping(spki); err == nil {
			return key, nil
		}
	}
	return nil, fmt.Errorf("%w: not the public key of a type that wraps", ErrMaterial)
}
