package keyenc

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Labels of the PEM blocks that other programs write.
const (
	LabelPKCS1   = "RSA PRIVATE KEY"
	LabelSEC1    = "EC PRIVATE KEY"
	LabelOpenSSH = "OPENSSH PRIVATE KEY"
)

var (
	oidRSA          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidEC           = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	sec1Curve       = cryptobyteasn1.Tag(0).Constructed().ContextSpecific()
	errNotPKCS1     = fmt.Errorf("%w: not an RSA private key (PKCS #1)", ErrFormat)
	errNotSEC1      = fmt.Errorf("%w: not an EC private key (SEC 1)", ErrFormat)
	errNoNamedCurve = fmt.Errorf("%w: the EC key does not name its curve", ErrFormat)
)

func errUnsupportedIn(format string, key any) error {
	return fmt.Errorf("%w in %s: %T", ErrUnsupported, format, key)
}

// wrapPKCS1 puts an RSAPrivateKey (RFC 8017, appendix A.1.2) into PKCS #8. The
// caller wipes the result. What the numbers are is the key type's business.
func wrapPKCS1(der []byte) ([]byte, error) {
	var outer cryptobyte.String
	var version int
	in := cryptobyte.String(der)
	if len(der) > maxDER || !in.ReadASN1(&outer, cryptobyteasn1.SEQUENCE) || !in.Empty() ||
		!outer.ReadASN1Integer(&version) || version != 0 || !outer.PeekASN1Tag(cryptobyteasn1.INTEGER) {
		return nil, errNotPKCS1
	}
	return encodePKCS8(der, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidRSA)
		b.AddASN1NULL()
	})
}

// wrapSEC1 puts an ECPrivateKey (RFC 5915), which must name its curve, into
// PKCS #8. The caller wipes the result.
func wrapSEC1(der []byte) ([]byte, error) {
	var outer, scalar, named cryptobyte.String
	var version int
	var hasCurve bool
	var curve asn1.ObjectIdentifier
	in := cryptobyte.String(der)
	if len(der) > maxDER || !in.ReadASN1(&outer, cryptobyteasn1.SEQUENCE) || !in.Empty() ||
		!outer.ReadASN1Integer(&version) || version != 1 || !outer.ReadASN1(&scalar, cryptobyteasn1.OCTET_STRING) ||
		!outer.ReadOptionalASN1(&named, &hasCurve, sec1Curve) {
		return nil, errNotSEC1
	}
	if !hasCurve || !named.ReadASN1ObjectIdentifier(&curve) || !named.Empty() {
		return nil, errNoNamedCurve
	}
	return encodePKCS8(der, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidEC)
		b.AddASN1ObjectIdentifier(curve)
	})
}

func encodePKCS8(key []byte, algorithm cryptobyte.BuilderContinuation) ([]byte, error) {
	b := cryptobyte.NewFixedBuilder(make([]byte, 0, len(key)+64))
	b.AddASN1(cryptobyteasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		b.AddASN1(cryptobyteasn1.SEQUENCE, algorithm)
		b.AddASN1OctetString(key)
	})
	return b.Bytes()
}

// EncodePKCS1PEM writes an RSA private key, given as PKCS #8 DER, in the older
// format of its own, unencrypted. The caller wipes the result.
func EncodePKCS1PEM(pkcs8 []byte) ([]byte, error) {
	key, err := parsePKCS8(pkcs8)
	if err != nil {
		return nil, err
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, errUnsupportedIn("PKCS #1", key)
	}
	der := x509.MarshalPKCS1PrivateKey(private)
	defer clear(der)
	return EncodePEM(LabelPKCS1, der), nil
}

// EncodeSEC1PEM writes an EC private key, given as PKCS #8 DER, in the older
// format of its own, unencrypted. The caller wipes the result.
func EncodeSEC1PEM(pkcs8 []byte) ([]byte, error) {
	key, err := parsePKCS8(pkcs8)
	if err != nil {
		return nil, err
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errUnsupportedIn("SEC 1", key)
	}
	der, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	defer clear(der)
	return EncodePEM(LabelSEC1, der), nil
}

// parsePKCS8 reads a key of those that the standard library knows.
func parsePKCS8(der []byte) (any, error) {
	if err := checkPKCS8(der); err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	return key, nil
}
