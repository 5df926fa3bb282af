package envelope

import (
	"bytes"
	"encoding/base64"
)

// TextPrefix is what the text form begins with.
const TextPrefix = "vd1:"

// encoding refuses set bits where no byte uses them.
var encoding = base64.RawURLEncoding.Strict()

// EncodeText appends to dst the text form of a ciphertext in binary form.
func EncodeText(dst, binaryForm []byte) []byte {
	return encoding.AppendEncode(append(dst, TextPrefix...), binaryForm)
}

// DecodeText appends to dst the binary form of a ciphertext in text form. It
// returns ErrMalformed for anything but the one spelling of a ciphertext: no
// padding, no line breaks, no blanks around it. dst must not overlap text.
func DecodeText(dst, text []byte) ([]byte, error) {
	body, ok := bytes.CutPrefix(text, []byte(TextPrefix))
	// The decoder of the standard library skips line breaks.
	if !ok || bytes.IndexByte(body, '\n') >= 0 || bytes.IndexByte(body, '\r') >= 0 {
		return nil, ErrMalformed
	}
	start := len(dst)
	dst, err := encoding.AppendDecode(dst, body)
	if err != nil {
		return nil, ErrMalformed
	}
	if _, _, err := Parse(dst[start:]); err != nil {
		return nil, err
	}
	return dst, nil
}

// IsText reports whether data begins like a ciphertext in text form.
func IsText(data []byte) bool { return bytes.HasPrefix(data, []byte(TextPrefix)) }

// IsBinary reports whether data begins like a ciphertext in binary form.
func IsBinary(data []byte) bool {
	return len(data) >= 2 && data[0] == magic0 && data[1] == magic1
}
