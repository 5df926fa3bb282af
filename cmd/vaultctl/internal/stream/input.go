package stream

import (
	"io"
	"os"

	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/fault"
)

// MaxInput is the largest input in bytes: what fits one message to the daemon,
// with room for the fields around it.
const MaxInput = 1<<20 - 4096

// Read returns the whole of a file, or of stdin when path is "" or "-". More
// than MaxInput bytes is a too_large error.
func Read(stdin io.Reader, path string) ([]byte, error) {
	from, name := stdin, "standard input"
	size := 4096
	if path != "" && path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fault.E(fault.CodeBadArgument, "%v", err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && info.Size() < MaxInput {
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
		case len(buf) > MaxInput:
			secret.Wipe(buf)
			return nil, fault.E(fault.CodeTooLarge, "%s is larger than %d bytes", name, MaxInput).
				WithHint("encrypt large data with a tool of its own, and keep only that tool's key here")
		case err == io.EOF:
			return buf, nil
		case err != nil:
			secret.Wipe(buf)
			return nil, fault.E(fault.CodeBadArgument, "read %s: %v", name, err)
		}
	}
}
