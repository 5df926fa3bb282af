package keytype

import (
	"bytes"
	"crypto/ecdh"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// nistCurve is a curve of NIST SP 800-186 to agree on keys with.
type nistCurve struct {
	kind       *Type
	curve      ecdh.Curve
	oid        asn1.ObjectIdentifier
	scalar     int    // size of a private key in bytes
	spkiPrefix []byte // DER of a public key (RFC 5480) up to the uncompressed point
}

var (
	p256SPKIPrefix = []byte("\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00")
	p384SPKIPrefix = []byte("\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00")

	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
)

var (
	typeP256 = &Type{Name: "p256", ID: IDP256, Bits: 256, Uses: UseAgree, DefaultUses: UseAgree}
	typeP384 = &Type{Name: "p384", ID: IDP384, Bits: 384, Uses: UseAgree, DefaultUses: UseAgree}

	nistCurves = []nistCurve{
		{typeP256, ecdh.P256(), asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}, 32, p256SPKIPrefix},
		{typeP384, ecdh.P384(), asn1.ObjectIdentifier{1, 3, 132, 0, 34}, 48, p384SPKIPrefix},
	}
)

func init() {
	for i := range nistCurves {
		c := &nistCurves[i]
		c.kind.Generate, c.kind.Parse = c.generate, c.parse
		Register(c.kind)
	}
}

func (c *nistCurve) generate(random io.Reader) ([]byte, error) {
	k, err := generateScalar(c.curve, c.scalar, random)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(k)
}

func (c *nistCurve) parse(private []byte) (Key, error) {
	k, err := c.parsePrivate(private)
	if err != nil {
		return nil, fmt.Errorf("%w: not the PKCS#8 DER of a %v key: %w", ErrMaterial, c.curve, err)
	}
	return newECDHKey(c.kind, k, c.spkiPrefix, c.parsePeer), nil
}

func (c *nistCurve) parsePeer(spki []byte) (*ecdh.PublicKey, error) {
	return parsePoint(c.curve, spki, c.spkiPrefix)
}

// parsePrivate reads PrivateKeyInfo (RFC 5208) around ECPrivateKey (RFC
// 5915). The standard library's reader ignores trailing bytes and an enclosed
// public key that is another one; this one refuses both.
func (c *nistCurve) parsePrivate(der []byte) (*ecdh.PrivateKey, error) {
	malformed := asn1.StructuralError{Msg: "unexpected structure"}
	var outer, algorithm, octets, inner, scalar cryptobyte.String
	var version, innerVersion int
	var key, curve asn1.ObjectIdentifier
	in := cryptobyte.String(der)
	if !in.ReadASN1(&outer, cryptobyteasn1.SEQUENCE) || !in.Empty() ||
		!outer.ReadASN1Integer(&version) || version != 0 ||
		!outer.ReadASN1(&algorithm, cryptobyteasn1.SEQUENCE) ||
		!algorithm.ReadASN1ObjectIdentifier(&key) || !key.Equal(oidECPublicKey) ||
		!algorithm.ReadASN1ObjectIdentifier(&curve) || !curve.Equal(c.oid) || !algorithm.Empty() ||
		!outer.ReadASN1(&octets, cryptobyteasn1.OCTET_STRING) || !outer.Empty() ||
		!octets.ReadASN1(&inner, cryptobyteasn1.SEQUENCE) || !octets.Empty() ||
		!inner.ReadASN1Integer(&innerVersion) || innerVersion != 1 ||
		!inner.ReadASN1(&scalar, cryptobyteasn1.OCTET_STRING) {
		return nil, malformed
	}
	k, err := c.curve.NewPrivateKey(scalar)
	if err != nil {
		return nil, err
	}
	var named, point cryptobyte.String
	var hasCurve, hasPoint bool
	if !inner.ReadOptionalASN1(&named, &hasCurve, cryptobyteasn1.Tag(0).Constructed().ContextSpecific()) ||
		!inner.ReadOptionalASN1(&point, &hasPoint, cryptobyteasn1.Tag(1).Constructed().ContextSpecific()) ||
		!inner.Empty() {
		return nil, malformed
	}
	if hasCurve && (!named.ReadASN1ObjectIdentifier(&curve) || !curve.Equal(c.oid) || !named.Empty()) {
		return nil, malformed
	}
	if hasPoint {
		var bits []byte
		if !point.ReadASN1BitStringAsBytes(&bits) || !point.Empty() || !bytes.Equal(bits, k.PublicKey().Bytes()) {
			return nil, asn1.StructuralError{Msg: "the enclosed public key is another one"}
		}
	}
	return k, nil
}
