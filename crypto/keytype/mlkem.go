package keytype

import (
	"bytes"
	"crypto/mlkem"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// The DER of ML-KEM-768 keys (RFC 9935): of a private key the form that holds
// the seed alone, from which all else follows.
var (
	mlkem768SPKIPrefix  = []byte("\x30\x82\x04\xb2\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x04\x02\x03\x82\x04\xa1\x00")
	mlkem768PKCS8Prefix = []byte("\x30\x54\x02\x01\x00\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x04\x02\x04\x42\x80\x40")
	// mlkem768Algorithm is the AlgorithmIdentifier in both.
	mlkem768Algorithm = mlkem768PKCS8Prefix[5:18]
)

var typeMLKEM768 = &Type{
	Name: "ml-kem-768", ID: IDMLKEM768, Bits: 768, KeyPair: true,
	Uses: UseEncapsulate | UseDecapsulate, DefaultUses: UseEncapsulate | UseDecapsulate,
	Generate: func(random io.Reader) ([]byte, error) {
		seed, err := generateBytes(random, mlkem.SeedSize)
		if err != nil {
			return nil, err
		}
		defer clear(seed)
		return append(bytes.Clone(mlkem768PKCS8Prefix), seed...), nil
	},
	normal: seedOfMLKEM,
}

func init() {
	typeMLKEM768.Parse = parseMLKEM768
	Register(typeMLKEM768)
}

// mlkemKey is an ML-KEM-768 key (FIPS 203).
type mlkemKey struct {
	signing
	private *mlkem.DecapsulationKey768
}

var _ Encapsulator = (*mlkemKey)(nil)

func parseMLKEM768(material []byte) (Key, error) {
	seed, ok := bytes.CutPrefix(material, mlkem768PKCS8Prefix)
	if !ok {
		return nil, fmt.Errorf("%w: not the PKCS#8 DER of an ML-KEM-768 key", ErrMaterial)
	}
	k, err := mlkem.NewDecapsulationKey768(seed)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMaterial, err)
	}
	spki := append(bytes.Clone(mlkem768SPKIPrefix), k.EncapsulationKey().Bytes()...)
	return &mlkemKey{signing{typeMLKEM768, spki, publicFingerprint(spki)}, k}, nil
}

// Encapsulate makes a shared key and the ciphertext that gives it to the holder
// of the private key.
func (k *mlkemKey) Encapsulate() (shared, ciphertext []byte, err error) {
	if k.private == nil {
		return nil, nil, errWiped
	}
	shared, ciphertext = k.private.EncapsulationKey().Encapsulate()
	return shared, ciphertext, nil
}

// Decapsulate refuses a ciphertext of the wrong size. FIPS 203 has no other
// failure: a changed ciphertext gives a shared key that nobody else has.
func (k *mlkemKey) Decapsulate(ciphertext []byte) ([]byte, error) {
	if k.private == nil {
		return nil, errWiped
	}
	shared, err := k.private.Decapsulate(ciphertext)
	if err != nil {
		return nil, ErrDecrypt
	}
	return shared, nil
}

// Wipe drops the private key, which the standard library keeps to itself.
func (k *mlkemKey) Wipe() { k.private = nil }

// Places in an expanded private key (FIPS 203, algorithm 16): the private key of
// the inner scheme, the public key, its hash, and the second half of the seed.
const (
	mlkemInner    = 1152
	mlkemExpanded = mlkemInner + mlkem.EncapsulationKeySize768 + 32 + 32
)

// seedOfMLKEM takes the form with the seed alone, and the one with seed and
// expanded key, which OpenSSL writes. Of the latter the seed is kept; that the
// expanded key belongs to it is checked in all that can be had without the
// inner key, which is not used. One without a seed can't be kept.
func seedOfMLKEM(der []byte) ([]byte, error) {
	if bytes.HasPrefix(der, mlkem768PKCS8Prefix) {
		return bytes.Clone(der), nil
	}
	malformed := fmt.Errorf("%w: not the PKCS#8 DER of an ML-KEM-768 key", ErrMaterial)
	var outer, algorithm, octets, both, seed, expanded cryptobyte.String
	var version int
	in := cryptobyte.String(der)
	if !in.ReadASN1(&outer, asn1.SEQUENCE) || !in.Empty() ||
		!outer.ReadASN1Integer(&version) || version != 0 ||
		!outer.ReadASN1Element(&algorithm, asn1.SEQUENCE) || !bytes.Equal(algorithm, mlkem768Algorithm) ||
		!outer.ReadASN1(&octets, asn1.OCTET_STRING) || !outer.Empty() {
		return nil, malformed
	}
	if octets.PeekASN1Tag(asn1.OCTET_STRING) {
		return nil, fmt.Errorf("%w: an ML-KEM key without its seed; write it with the seed", ErrMaterial)
	}
	if !octets.ReadASN1(&both, asn1.SEQUENCE) || !octets.Empty() ||
		!both.ReadASN1(&seed, asn1.OCTET_STRING) || !both.ReadASN1(&expanded, asn1.OCTET_STRING) || !both.Empty() ||
		len(seed) != mlkem.SeedSize || len(expanded) != mlkemExpanded {
		return nil, malformed
	}
	k, err := mlkem.NewDecapsulationKey768(seed)
	if err != nil {
		return nil, malformed
	}
	public, rest := expanded[mlkemInner:], expanded[mlkemInner+mlkem.EncapsulationKeySize768+32:]
	if !bytes.HasPrefix(public, k.EncapsulationKey().Bytes()) || !bytes.Equal(rest, seed[32:]) {
		return nil, fmt.Errorf("%w: seed and expanded key are of two keys", ErrMaterial)
	}
	return append(bytes.Clone(mlkem768PKCS8Prefix), seed...), nil
}
