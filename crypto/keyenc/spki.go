package keyenc

import (
	"bytes"
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// EncodePublicPEM writes a SubjectPublicKeyInfo, given as DER, in PEM. It
// returns ErrFormat when the DER is not that.
func EncodePublicPEM(spki []byte) ([]byte, error) {
	if err := checkSPKI(spki); err != nil {
		return nil, err
	}
	return EncodePEM(LabelPublic, spki), nil
}

// ParsePublic reads a SubjectPublicKeyInfo in PEM or DER and returns its DER.
// It checks the envelope; the key inside is checked by whoever uses it.
func ParsePublic(data []byte) ([]byte, error) {
	if !looksLikePEM(data) {
		if err := checkSPKI(data); err != nil {
			return nil, err
		}
		return bytes.Clone(data), nil
	}
	label, der, err := DecodePEM(data)
	if err != nil {
		return nil, err
	}
	if label != LabelPublic {
		clear(der) // a private key, given by mistake, is not left behind
		return nil, fmt.Errorf("%w: PEM label is %q, want %q", ErrFormat, label, LabelPublic)
	}
	if err := checkSPKI(der); err != nil {
		return nil, err
	}
	return der, nil
}

// checkSPKI checks that der is one SubjectPublicKeyInfo and nothing more.
func checkSPKI(der []byte) error {
	var outer, algorithm, bits cryptobyte.String
	var oid asn1.ObjectIdentifier
	var unused uint8
	in := cryptobyte.String(der)
	if len(der) > maxDER || !in.ReadASN1(&outer, cryptobyteasn1.SEQUENCE) || !in.Empty() ||
		!outer.ReadASN1(&algorithm, cryptobyteasn1.SEQUENCE) || !readAlgorithm(algorithm, &oid) ||
		!outer.ReadASN1(&bits, cryptobyteasn1.BIT_STRING) || !outer.Empty() ||
		!bits.ReadUint8(&unused) || unused != 0 || bits.Empty() {
		return fmt.Errorf("%w: not a SubjectPublicKeyInfo", ErrFormat)
	}
	return nil
}
