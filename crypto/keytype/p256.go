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

// p256SPKIPrefix is the DER of a P-256 public key (RFC 5480) up to the
// uncompressed point: named curve, no unused bits.
var p256SPKIPrefix = []byte("\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00")

var (
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidP256        = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
)

var typeP256 = &Type{
	Name: "p256", ID: IDP256, Bits: 256,
	Uses: UseAgree, DefaultUses: UseAgree,
	Generate: generateP256,
}

func init() {
	typeP256.Parse = parseP256
	Register(typeP256)
}

func generateP256(random io.Reader) ([]byte, error) {
	k, err := generateScalar(ecdh.P256(), random)
	if err != nil {
		return nil, err
	}
	return x509.MarshalPKCS8PrivateKey(k)
}

func parseP256(private []byte) (Key, error) {
	k, err := parseP256Private(private)
	if err != nil {
		return nil, fmt.Errorf("%w: not the PKCS#8 DER of a P-256 key: %w", ErrMaterial, err)
	}
	return newECDHKey(typeP256, k, p256SPKIPrefix, parseP256Peer), nil
}

func parseP256Peer(spki []byte) (*ecdh.PublicKey, error) {
	return parsePoint(ecdh.P256(), spki, p256SPKIPrefix)
}

// parseP256Private reads PrivateKeyInfo (RFC 5208) around ECPrivateKey (RFC
// 5915). The standard library's reader ignores trailing bytes and an enclosed
// public key that is another one; this one refuses both.
func parseP256Private(der []byte) (*ecdh.PrivateKey, error) {
	malformed := asn1.StructuralError{Msg: "unexpected structure"}
	var outer, algorithm, octets, inner, scalar cryptobyte.String
	var version, innerVersion int
	var key, curve asn1.ObjectIdentifier
	in := cryptobyte.String(der)
	if !in.ReadASN1(&outer, cryptobyteasn1.SEQUENCE) || !in.Empty() ||
		!outer.ReadASN1Integer(&version) || version != 0 ||
		!outer.ReadASN1(&algorithm, cryptobyteasn1.SEQUENCE) ||
		!algorithm.ReadASN1ObjectIdentifier(&key) || !key.Equal(oidECPublicKey) ||
		!algorithm.ReadASN1ObjectIdentifier(&curve) || !curve.Equal(oidP256) || !algorithm.Empty() ||
		!outer.ReadASN1(&octets, cryptobyteasn1.OCTET_STRING) || !outer.Empty() ||
		!octets.ReadASN1(&inner, cryptobyteasn1.SEQUENCE) || !octets.Empty() ||
		!inner.ReadASN1Integer(&innerVersion) || innerVersion != 1 ||
		!inner.ReadASN1(&scalar, cryptobyteasn1.OCTET_STRING) {
		return nil, malformed
	}
	k, err := ecdh.P256().NewPrivateKey(scalar)
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
	if hasCurve && (!named.ReadASN1ObjectIdentifier(&curve) || !curve.Equal(oidP256) || !named.Empty()) {
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
