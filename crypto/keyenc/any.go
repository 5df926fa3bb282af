package keyenc

import (
	"bytes"
	"fmt"
)

// Format is one of the formats that a private key comes in.
type Format uint8

// The formats that ParseAny tells apart.
const (
	FormatUnknown        Format = iota
	FormatPKCS8                 // PEM or DER, plain
	FormatPKCS8Encrypted        // PEM or DER
	FormatPKCS1                 // PEM or DER
	FormatSEC1                  // PEM or DER
	FormatOpenSSH
	FormatJWK
)

// Detect tells the format by what stands at the start, without reading the key.
// Raw bytes and text of other kinds are FormatUnknown.
func Detect(data []byte) Format {
	text := bytes.TrimSpace(data)
	if label, ok := firstLabel(text); ok {
		switch label {
		case LabelPrivate:
			return FormatPKCS8
		case LabelEncrypted:
			return FormatPKCS8Encrypted
		case LabelPKCS1:
			return FormatPKCS1
		case LabelSEC1, labelParameters:
			return FormatSEC1
		case LabelOpenSSH:
			return FormatOpenSSH
		}
		return FormatUnknown
	}
	switch {
	case bytes.HasPrefix(text, []byte("{")) && bytes.HasSuffix(text, []byte("}")) && bytes.Contains(text, []byte(`"kty"`)):
		return FormatJWK
	case len(data) == 0 || data[0] != 0x30:
		return FormatUnknown
	case checkPKCS8(data) == nil:
		return FormatPKCS8
	}
	if _, err := parseEncrypted(data); err == nil {
		return FormatPKCS8Encrypted
	}
	for f, wrap := range map[Format]func([]byte) ([]byte, error){FormatPKCS1: wrapPKCS1, FormatSEC1: wrapSEC1} {
		if der, err := wrap(data); err == nil {
			clear(der)
			return f
		}
	}
	return FormatUnknown
}

// labelParameters is what older OpenSSL commands write before an EC key. The key
// names its curve as well.
const labelParameters = "EC PARAMETERS"

// firstLabel is the label of the PEM block that text begins with.
func firstLabel(text []byte) (string, bool) {
	line, _, _ := bytes.Cut(text[:min(len(text), maxLabelSize+32)], []byte("\n"))
	line, ok := bytes.CutPrefix(bytes.TrimSuffix(line, []byte("\r")), []byte(pemBegin))
	if !ok {
		return "", false
	}
	label, ok := bytes.CutSuffix(line, []byte(pemDashes))
	return string(label), ok
}

// ParseAny reads a private key in a format and returns PKCS #8 DER, or for a JWK
// of a symmetric key its bytes; of the two results one is nil, and the caller
// wipes the other. With an empty passphrase an encrypted key is ErrEncrypted; a
// plain key needs none, and one that is given is not looked at.
func ParseAny(data []byte, f Format, passphrase []byte) (pkcs8, symmetric []byte, err error) {
	switch f {
	case FormatPKCS8, FormatPKCS8Encrypted:
		pkcs8, err = ParsePrivate(data, passphrase)
	case FormatPKCS1:
		pkcs8, err = parseLabelled(data, LabelPKCS1, wrapPKCS1)
	case FormatSEC1:
		pkcs8, err = parseLabelled(data, LabelSEC1, wrapSEC1)
	case FormatOpenSSH:
		// Read for the strictness that the library lacks.
		label, der, bad := DecodePEM(data)
		clear(der)
		switch {
		case bad != nil:
			err = bad
		case label != LabelOpenSSH:
			err = wrongLabel(label, LabelOpenSSH)
		default:
			pkcs8, err = parseOpenSSH(data, passphrase)
		}
	case FormatJWK:
		return parseJWK(bytes.TrimSpace(data))
	default:
		err = fmt.Errorf("%w: neither PKCS #8, PKCS #1, SEC 1, OpenSSH nor JWK", ErrFormat)
	}
	return pkcs8, nil, err
}

// parseLabelled takes PEM with that label or DER.
func parseLabelled(data []byte, label string, wrap func([]byte) ([]byte, error)) ([]byte, error) {
	if !looksLikePEM(data) {
		return wrap(data)
	}
	if first, _ := firstLabel(bytes.TrimSpace(data)); first == labelParameters {
		return nil, fmt.Errorf("%w: leave out the block %q before the key (\"openssl ecparam -noout\")", ErrFormat, labelParameters)
	}
	found, der, err := DecodePEM(data)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	if found != label {
		return nil, wrongLabel(found, label)
	}
	return wrap(der)
}
