package keyenc

import (
	"bytes"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxDER is the longest key file in DER that is read.
const maxDER = 48 << 10

// EncodePrivatePEM writes an unencrypted private key, given as PKCS #8 DER. It
// returns ErrFormat when the DER is not that. The caller wipes the result.
func EncodePrivatePEM(pkcs8 []byte) ([]byte, error) {
	if err := checkPKCS8(pkcs8); err != nil {
		return nil, err
	}
	return EncodePEM(LabelPrivate, pkcs8), nil
}

// ParsePrivatePEM reads an unencrypted private key in PEM and returns its
// PKCS #8 DER, which the caller wipes. It returns ErrEncrypted for an
// encrypted one and ErrFormat for anything else.
func ParsePrivatePEM(text []byte) ([]byte, error) {
	label, der, err := DecodePEM(text)
	if err != nil {
		return nil, err
	}
	switch label {
	case LabelPrivate:
	case LabelEncrypted:
		return nil, ErrEncrypted
	default:
		clear(der)
		return nil, wrongLabel(label, LabelPrivate)
	}
	if err := checkPKCS8(der); err != nil {
		clear(der)
		return nil, err
	}
	return der, nil
}

// ParsePrivate reads a private key in PKCS #8, PEM or DER, plain or encrypted,
// and returns its plain DER, which the caller wipes. With an empty passphrase
// an encrypted key is ErrEncrypted; a plain key needs none, and one that is
// given is not looked at.
func ParsePrivate(data, passphrase []byte) ([]byte, error) {
	if looksLikePEM(data) {
		label, der, err := DecodePEM(data)
		if err != nil {
			return nil, err
		}
		defer clear(der)
		if label != LabelPrivate && label != LabelEncrypted {
			return nil, wrongLabel(label, LabelPrivate)
		}
		if encrypted := checkPKCS8(der) != nil; encrypted != (label == LabelEncrypted) {
			return nil, fmt.Errorf("%w: content does not fit the label %q", ErrFormat, label)
		}
		data = der
	}
	if checkPKCS8(data) == nil {
		return bytes.Clone(data), nil
	}
	if _, err := parseEncrypted(data); err != nil {
		return nil, err
	}
	if len(passphrase) == 0 {
		return nil, ErrEncrypted
	}
	return DecryptPKCS8(data, passphrase)
}

// wrongLabel says what is wrong with a label, and what the key is instead.
func wrongLabel(label, want string) error {
	if name, known := map[string]string{
		LabelPrivate: "PKCS #8", LabelEncrypted: "encrypted PKCS #8",
		LabelPKCS1: "PKCS #1", LabelSEC1: "SEC 1", LabelOpenSSH: "OpenSSH's format",
	}[label]; known {
		return fmt.Errorf("%w: PEM label is %q, want %q: the key is in %s", ErrFormat, label, want, name)
	}
	return fmt.Errorf("%w: PEM label is %q, want %q", ErrFormat, label, want)
}

// checkPKCS8 checks that der is one PrivateKeyInfo (RFC 5208) or
// OneAsymmetricKey (RFC 5958) and nothing more. What the key octets hold is
// the key type's business.
func checkPKCS8(der []byte) error {
	malformed := fmt.Errorf("%w: not a PKCS #8 private key", ErrFormat)
	var outer, algorithm, key cryptobyte.String
	var version int
	var oid asn1.ObjectIdentifier
	in := cryptobyte.String(der)
	if len(der) > maxDER || !in.ReadASN1(&outer, cryptobyteasn1.SEQUENCE) || !in.Empty() ||
		!outer.ReadASN1Integer(&version) || version < 0 || version > 1 ||
		!outer.ReadASN1(&algorithm, cryptobyteasn1.SEQUENCE) || !readAlgorithm(algorithm, &oid) ||
		!outer.ReadASN1(&key, cryptobyteasn1.OCTET_STRING) || key.Empty() {
		return malformed
	}
	attributes := cryptobyteasn1.Tag(0).Constructed().ContextSpecific()
	public := cryptobyteasn1.Tag(1).ContextSpecific()
	if !outer.SkipOptionalASN1(attributes) || version == 1 && !outer.SkipOptionalASN1(public) || !outer.Empty() {
		return malformed
	}
	return nil
}

// readAlgorithm reads the inside of an AlgorithmIdentifier: an OID and at most
// one element of parameters.
func readAlgorithm(s cryptobyte.String, oid *asn1.ObjectIdentifier) bool {
	if !s.ReadASN1ObjectIdentifier(oid) {
		return false
	}
	var params cryptobyte.String
	var tag cryptobyteasn1.Tag
	return s.Empty() || s.ReadAnyASN1Element(&params, &tag) && s.Empty()
}
