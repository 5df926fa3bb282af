package keyenc

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
)

// Labels of the PEM blocks that this package writes.
const (
	LabelPrivate   = "PRIVATE KEY"
	LabelEncrypted = "ENCRYPTED PRIVATE KEY"
	LabelPublic    = "PUBLIC KEY"
)

// MaxPEM is the longest PEM text that is read, in bytes.
const MaxPEM = 64 << 10

const (
	pemBegin     = "-----BEGIN "
	pemEnd       = "-----END "
	pemDashes    = "-----"
	pemLine      = 64
	maxLabelSize = 64
)

// EncodePEM writes one PEM block in lines of 64 characters, byte for byte as
// OpenSSL and pyca/cryptography write it. It allocates exactly once, so that a
// caller can wipe what it gets and leave no copy behind.
func EncodePEM(label string, der []byte) []byte {
	body := base64.StdEncoding.EncodedLen(len(der))
	lines := (body + pemLine - 1) / pemLine
	out := make([]byte, 0, len(pemBegin)+len(pemEnd)+2*(len(label)+len(pemDashes)+1)+body+lines)
	out = append(out, pemBegin+label+pemDashes+"\n"...)
	for len(der) > 0 {
		n := min(len(der), pemLine/4*3)
		out = base64.StdEncoding.AppendEncode(out, der[:n])
		out = append(out, '\n')
		der = der[n:]
	}
	return append(out, pemEnd+label+pemDashes+"\n"...)
}

// DecodePEM reads text that is one PEM block and nothing else but white space
// before and after it, and returns the label and the bytes, which the caller
// wipes if they are secret. Lines may end in LF or CRLF and have any length;
// base64 is strict. Headers, as in the encrypted keys of older OpenSSL, are
// refused.
func DecodePEM(text []byte) (label string, der []byte, err error) {
	if len(text) > MaxPEM {
		return "", nil, fmt.Errorf("%w: more than %d bytes", ErrFormat, MaxPEM)
	}
	text = bytes.TrimSpace(text)
	first, rest, ok := bytes.Cut(text, []byte("\n"))
	first = bytes.TrimSuffix(first, []byte("\r"))
	if !ok || !bytes.HasPrefix(first, []byte(pemBegin)) || !bytes.HasSuffix(first, []byte(pemDashes)) ||
		len(first) < len(pemBegin)+len(pemDashes) {
		return "", nil, fmt.Errorf("%w: no line %q at the start", ErrFormat, pemBegin+"…"+pemDashes)
	}
	label = string(first[len(pemBegin) : len(first)-len(pemDashes)])
	if !validLabel(label) {
		return "", nil, fmt.Errorf("%w: bad PEM label", ErrFormat)
	}
	body, ok := bytes.CutSuffix(rest, []byte(pemEnd+label+pemDashes))
	if !ok {
		return "", nil, fmt.Errorf("%w: does not end with the line that closes the PEM block", ErrFormat)
	}
	if bytes.IndexByte(body, ':') >= 0 {
		return "", nil, fmt.Errorf("%w: PEM headers are not accepted (convert an old encrypted key with \"openssl pkcs8 -topk8\")", ErrFormat)
	}
	if len(body) > 0 && body[len(body)-1] != '\n' {
		return "", nil, fmt.Errorf("%w: the closing line of the PEM block does not stand alone", ErrFormat)
	}
	der, err = decodeLines(body)
	if err != nil {
		return "", nil, err
	}
	return label, der, nil
}

// decodeLines decodes base64 that is broken into lines. Padding may stand at
// the very end only.
func decodeLines(body []byte) ([]byte, error) {
	joined := make([]byte, 0, len(body))
	defer func() { clear(joined) }()
	for line := range bytes.Lines(body) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 || bytes.IndexByte(line, '\r') >= 0 {
			return nil, fmt.Errorf("%w: empty line or stray carriage return in a PEM block", ErrFormat)
		}
		joined = append(joined, line...)
	}
	der := make([]byte, base64.StdEncoding.DecodedLen(len(joined)))
	n, err := base64.StdEncoding.Strict().Decode(der, joined)
	if err != nil || n == 0 {
		clear(der)
		return nil, fmt.Errorf("%w: bad base64 in a PEM block", ErrFormat)
	}
	return der[:n], nil
}

// validLabel follows RFC 7468, section 3, for the labels that are in use:
// printable characters without dashes.
func validLabel(s string) bool {
	if s == "" || len(s) > maxLabelSize {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '-' })
}

// looksLikePEM tells PEM from DER, which starts with a SEQUENCE.
func looksLikePEM(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte(pemDashes))
}
