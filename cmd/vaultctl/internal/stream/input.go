package stream

import (
	"bytes"
	"encoding/base64"
	"io"
	"os"

	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/fault"
)

// MaxInput is the largest input in bytes: what fits one message to the daemon,
// with room for the fields around it.
const MaxInput = 1<<20 - 4096

// The largest ciphertexts in bytes: what MaxInput bytes become by encryption, in
// binary form and in text, which is binary in base64.
const (
	MaxCiphertext = MaxInput + 512
	MaxText       = MaxCiphertext/3*4 + 16
)

// Read returns the whole of a file, or of stdin when path is "" or "-". More
// than MaxInput bytes is a too_large error.
func Read(stdin io.Reader, path string) ([]byte, error) { return ReadUpTo(stdin, path, MaxInput) }

// ReadUpTo is Read with another limit.
func ReadUpTo(stdin io.Reader, path string, limit int) ([]byte, error) {
	from, name := stdin, "standard input"
	size := 4096
	if path != "" && path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fault.E(fault.CodeBadArgument, "%v", err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() < int64(limit) {
			size = int(info.Size()) + 1
		}
		from, name = f, path
	}
	buf := make([]byte, 0, size)
	for {
		if len(buf) == cap(buf) {
			// Grown by hand, so that the outgrown copy can be wiped: this may be a secret.
			bigger := make([]byte, len(buf), 2*cap(buf)+1)
			copy(bigger, buf)
			secret.Wipe(buf)
			buf = bigger
		}
		n, err := from.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case len(buf) > limit:
			secret.Wipe(buf)
			return nil, TooLarge(name, limit)
		case err == io.EOF:
			return buf, nil
		case err != nil:
			secret.Wipe(buf)
			return nil, fault.E(fault.CodeBadArgument, "read %s: %v", name, err)
		}
	}
}

// TooLarge is the error of input that is larger than what fits one message.
func TooLarge(name string, limit int) error {
	return fault.E(fault.CodeTooLarge, "%s is larger than %d bytes", name, limit).
		WithHint("only 'vaultctl encrypt' and 'vaultctl decrypt' take more, as age files and without -o json")
}

// Compact turns a vd1 ciphertext in text form that is too large for a message
// into its binary form, which fits whatever was encrypted here; all else it
// returns as it is, and refuses what is too large still.
func Compact(ciphertext []byte) ([]byte, error) {
	text, ok := bytes.CutPrefix(bytes.TrimSpace(ciphertext), []byte("vd1:"))
	if ok && len(ciphertext) > MaxCiphertext && !bytes.ContainsAny(text, "\r\n") { // which the decoder would skip
		if binary, err := base64.RawURLEncoding.Strict().AppendDecode(nil, text); err == nil {
			ciphertext = binary
		}
	}
	if len(ciphertext) > MaxCiphertext {
		return nil, TooLarge("the ciphertext", MaxCiphertext)
	}
	return ciphertext, nil
}
