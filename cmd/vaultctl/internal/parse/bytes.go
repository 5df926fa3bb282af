package parse

import (
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/vaultd/vaultd/vault/fault"
)

// Bytes reads bytes given on the command line: "hex:…" and "base64:…" are
// decoded, anything else stands for itself.
func Bytes(s string) ([]byte, error) {
	if digits, ok := strings.CutPrefix(s, "hex:"); ok {
		b, err := hex.DecodeString(digits)
		if err != nil {
			return nil, fault.E(fault.CodeBadArgument, "%q is not hexadecimal", s)
		}
		return b, nil
	}
	if text, ok := strings.CutPrefix(s, "base64:"); ok {
		b, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil {
			return nil, fault.E(fault.CodeBadArgument, "%q is not standard base64", s)
		}
		return b, nil
	}
	return []byte(s), nil
}

// Signature reads a signature or MAC as vaultctl and other tools write it:
// standard base64 on one or more lines, or the raw bytes. Bytes that are
// base64 from end to end are taken as that; raw ones look so by chance less
// than once in 2^64.
func Signature(b []byte) []byte {
	text := strings.Join(strings.Fields(string(b)), "")
	if text == "" {
		return b
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return b
	}
	return decoded
}

// IsText reports whether a ciphertext is in one of the text forms, which are
// printable ASCII and line ends throughout. The binary form holds zero bytes in
// its header.
func IsText(b []byte) bool {
	for _, c := range b {
		if (c < 0x20 || c > 0x7e) && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}
