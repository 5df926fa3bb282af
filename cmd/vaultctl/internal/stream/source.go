package stream

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/fault"
)

// Source is input of any size, of which the beginning can be looked at.
type Source struct {
	Name string
	Size uint64 // in bytes, zero when nobody knows

	ahead  *Ahead
	buf    []byte // read, and not yet given out
	file   *os.File
	cancel context.CancelFunc
}

// Open begins to read a file, or stdin when path is "" or "-", until ctx ends.
func Open(ctx context.Context, stdin io.Reader, path string) (*Source, error) {
	s := &Source{Name: "standard input"}
	from := stdin
	if path != "" && path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, fault.E(fault.CodeBadArgument, "%v", err)
		}
		s.Name, s.file, from = path, f, f
	}
	if f, ok := from.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			s.Size = uint64(info.Size())
		}
	}
	ctx, s.cancel = context.WithCancel(ctx)
	s.ahead = ReadAhead(ctx, from)
	return s, nil
}

// Peek returns the first n bytes, or all when there are fewer, and leaves them.
func (s *Source) Peek(n int) ([]byte, error) {
	for len(s.buf) < n {
		more := make([]byte, n-len(s.buf))
		got, err := s.read(more)
		s.buf = append(s.buf, more[:got]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return s.buf[:min(n, len(s.buf))], nil
}

// Beginning returns the input when it has limit bytes or fewer, which the
// caller wipes; if not, it is not whole, and all of it is still to be read.
func (s *Source) Beginning(limit int) (data []byte, whole bool, err error) {
	buf := make([]byte, len(s.buf), max(4096, len(s.buf)))
	copy(buf, s.buf)
	s.wipe()
	for len(buf) <= limit {
		if len(buf) == cap(buf) {
			// Grown by hand, so that the outgrown copy can be wiped: this may be a secret.
			bigger := make([]byte, len(buf), 2*cap(buf)+1)
			copy(bigger, buf)
			secret.Wipe(buf)
			buf = bigger
		}
		n, err := s.read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			if len(buf) > limit {
				break
			}
			return buf, true, nil
		}
		if err != nil {
			secret.Wipe(buf)
			return nil, false, err
		}
	}
	s.buf = buf
	return nil, false, nil
}

func (s *Source) Read(p []byte) (int, error) {
	if len(s.buf) > 0 {
		n := copy(p, s.buf)
		secret.Wipe(s.buf[:n])
		s.buf = s.buf[n:]
		return n, nil
	}
	return s.read(p)
}

func (s *Source) read(p []byte) (int, error) {
	n, err := s.ahead.Read(p)
	if err != nil && err != io.EOF && !errors.Is(err, context.Canceled) {
		err = fault.E(fault.CodeBadArgument, "read %s: %v", s.Name, err)
	}
	return n, err
}

func (s *Source) wipe() {
	secret.Wipe(s.buf)
	s.buf = nil
}

// Close ends reading.
func (s *Source) Close() {
	s.cancel()
	s.wipe()
	s.ahead.Wipe()
	if s.file != nil {
		_ = s.file.Close()
	}
}
