package ffdh

import (
	"encoding/asn1"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Form is the algorithm identifier that a key is written with.
type Form int

const (
	// PKCS3 is dhKeyAgreement (1.2.840.113549.1.3.1) with the parameters p
	// and g: OpenSSL's type "DH". All versions of pyca/cryptography read it.
	PKCS3 Form = iota
	// X942 is dhpublicnumber (1.2.840.10046.2.1) with the parameters p, g
	// and q: OpenSSL's type "DHX", which pyca/cryptography 48 writes.
	X942
)

var (
	oidPKCS3 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 3, 1}
	oidX942  = asn1.ObjectIdentifier{1, 2, 840, 10046, 2, 1}
)

// maxDER is the longest key that is read; an X9.42 private key with an
// exponent of full length has 810 bytes.
const maxDER = 2048

// SPKI writes the public key as a SubjectPublicKeyInfo in DER (RFC 5280). The
// bytes are those that pyca/cryptography writes for the same key: version 38
// in the form PKCS3, version 48 in the form X942.
func (k *PublicKey) SPKI(form Form) []byte {
	b := cryptobyte.NewBuilder(make([]byte, 0, 1024))
	b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		k.group.addAlgorithm(b, form)
		b.AddASN1(cryptobyteasn1.BIT_STRING, func(b *cryptobyte.Builder) {
			b.AddUint8(0) // no unused bits
			addUint(b, k.y[:])
		})
	})
	return b.BytesOrPanic()
}

// PKCS8 writes the private key as PrivateKeyInfo in DER (RFC 5208), which the
// caller wipes.
func (k *PrivateKey) PKCS8(form Form) []byte {
	// A fixed buffer: one that grows would leave copies of the exponent behind.
	b := cryptobyte.NewFixedBuilder(make([]byte, 0, 1024))
	b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		k.public.group.addAlgorithm(b, form)
		b.AddASN1(cryptobyteasn1.OCTET_STRING, func(b *cryptobyte.Builder) {
			addUint(b, k.x)
		})
	})
	return b.BytesOrPanic()
}

// ParseSPKI reads a public key in either form and validates it: ErrFormat for
// anything but one strict DER encoding, ErrGroup for another group,
// ErrPublicKey for a bad value.
func ParseSPKI(der []byte) (*PublicKey, error) {
	k, _, err := ParseSPKIForm(der)
	return k, err
}

// ParseSPKIForm is ParseSPKI and tells the form as well, so that an answer can
// be written in the form of the question.
func ParseSPKIForm(der []byte) (*PublicKey, Form, error) {
	var outer, bits, y cryptobyte.String
	in := cryptobyte.String(der)
	if len(der) > maxDER || !in.ReadASN1(&outer, cryptobyteasn1.SEQUENCE) || !in.Empty() {
		return nil, 0, ErrFormat
	}
	group, form, err := readAlgorithm(&outer)
	if err != nil {
		return nil, 0, err
	}
	var unused uint8
	if !outer.ReadASN1(&bits, cryptobyteasn1.BIT_STRING) || !outer.Empty() ||
		!bits.ReadUint8(&unused) || unused != 0 ||
		!readUint(&bits, &y) || !bits.Empty() {
		return nil, 0, fmt.Errorf("public value: %w", ErrFormat)
	}
	k, err := group.NewPublicKey(y)
	return k, form, err
}

// ParsePKCS8 reads an unencrypted private key in either form: ErrFormat for
// anything but one strict DER encoding without attributes, ErrGroup for
// another group, ErrPrivateKey for a bad exponent.
func ParsePKCS8(der []byte) (*PrivateKey, error) {
	var outer, octets, x cryptobyte.String
	var version int
	in := cryptobyte.String(der)
	if len(der) > maxDER || !in.ReadASN1(&outer, cryptobyteasn1.SEQUENCE) || !in.Empty() ||
		!outer.ReadASN1Integer(&version) || version != 0 {
		return nil, ErrFormat
	}
	group, _, err := readAlgorithm(&outer)
	if err != nil {
		return nil, err
	}
	if !outer.ReadASN1(&octets, cryptobyteasn1.OCTET_STRING) || !outer.Empty() ||
		!readUint(&octets, &x) || !octets.Empty() {
		return nil, fmt.Errorf("private value: %w", ErrFormat)
	}
	return group.NewPrivateKey(x)
}

// addAlgorithm writes the AlgorithmIdentifier of the group.
func (g *Group) addAlgorithm(b *cryptobyte.Builder, form Form) {
	b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if form == X942 {
			b.AddASN1ObjectIdentifier(oidX942)
		} else {
			b.AddASN1ObjectIdentifier(oidPKCS3)
		}
		b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addUint(b, g.p)
			b.AddASN1Int64(2)
			if form == X942 {
				addUint(b, g.q)
			}
		})
	})
}

// readAlgorithm reads an AlgorithmIdentifier of either form and finds the
// group. It decides by comparing bytes: no arithmetic is done with parameters
// that somebody else chose.
func readAlgorithm(s *cryptobyte.String) (*Group, Form, error) {
	var alg, params, p, g cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !s.ReadASN1(&alg, cryptobyteasn1.SEQUENCE) || !alg.ReadASN1ObjectIdentifier(&oid) {
		return nil, 0, fmt.Errorf("algorithm: %w", ErrFormat)
	}
	form := PKCS3
	switch {
	case oid.Equal(oidX942):
		form = X942
	case !oid.Equal(oidPKCS3):
		return nil, 0, fmt.Errorf("algorithm %v is not Diffie-Hellman: %w", oid, ErrFormat)
	}
	if !alg.ReadASN1(&params, cryptobyteasn1.SEQUENCE) || !alg.Empty() ||
		!readUint(&params, &p) || !readUint(&params, &g) {
		return nil, 0, fmt.Errorf("parameters: %w", ErrFormat)
	}
	group, err := byPrime(p)
	if err != nil || len(g) != 1 || g[0] != 2 {
		return nil, 0, fmt.Errorf("parameters with a prime of %d bits: %w", new(big.Int).SetBytes(p).BitLen(), ErrGroup)
	}
	if form == X942 {
		return group, form, group.readX942Tail(&params)
	}
	return group, form, readPKCS3Tail(&params)
}

// readX942Tail reads what follows p and g in X9.42 parameters: q, which must
// be the group's, and nothing else, since the cofactor and the proof of
// generation say nothing about a group that is known.
func (g *Group) readX942Tail(params *cryptobyte.String) error {
	var q cryptobyte.String
	if !readUint(params, &q) || !params.Empty() {
		return fmt.Errorf("parameters: %w", ErrFormat)
	}
	if string(q) != string(g.q[:]) {
		return fmt.Errorf("subgroup order: %w", ErrGroup)
	}
	return nil
}

// readPKCS3Tail reads what may follow p and g in PKCS #3 parameters:
// privateValueLength, the length in bits that its author's exponents have. It
// is only checked to be a possible one, since ours have a length of their own.
func readPKCS3Tail(params *cryptobyte.String) error {
	if params.Empty() {
		return nil
	}
	var bits int
	if !params.ReadASN1Integer(&bits) || !params.Empty() || bits < minExponentBits || bits > 8*Size {
		return fmt.Errorf("private value length: %w", ErrFormat)
	}
	return nil
}

// addUint writes a big-endian number as a minimal INTEGER.
func addUint(b *cryptobyte.Builder, n []byte) {
	for len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	b.AddASN1(cryptobyteasn1.INTEGER, func(b *cryptobyte.Builder) {
		if n[0] >= 0x80 {
			b.AddUint8(0)
		}
		b.AddBytes(n)
	})
}

// readUint reads a minimal, non-negative INTEGER of at most Size bytes without
// its sign byte.
func readUint(s *cryptobyte.String, out *cryptobyte.String) bool {
	var n cryptobyte.String
	if !s.ReadASN1(&n, cryptobyteasn1.INTEGER) || len(n) == 0 || len(n) > Size+1 {
		return false
	}
	if n[0] >= 0x80 || len(n) > 1 && n[0] == 0 && n[1] < 0x80 {
		return false
	}
	if len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	*out = n
	return len(n) <= Size
}
