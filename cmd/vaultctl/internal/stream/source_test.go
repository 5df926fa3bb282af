package stream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
)

func TestSourceShowsItsBeginningAndGivesAll(t *testing.T) {
	for _, n := range []int{0, 1, 99, 100, 101, bufferSize + 1, 9*bufferSize + 5} {
		want := bytes.Repeat([]byte("0123456"), n/7+1)[:n]
		for name, from := range map[string]io.Reader{"whole": bytes.NewReader(want), "halves": iotest.HalfReader(bytes.NewReader(want))} {
			s, err := Open(t.Context(), from, "-")
			if err != nil {
				t.Fatal(err)
			}
			peeked, err := s.Peek(7)
			if err != nil || !bytes.Equal(peeked, want[:min(7, n)]) {
				t.Errorf("%d bytes, %s: %q, %v", n, name, peeked, err)
			}
			got, whole, err := s.Beginning(100)
			if err != nil || whole != (n <= 100) {
				t.Errorf("%d bytes, %s: whole is %v, %v", n, name, whole, err)
			}
			if !whole {
				if got, err = io.ReadAll(s); err != nil {
					t.Error(err)
				}
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%d bytes, %s: %d came", n, name, len(got))
			}
			s.Close()
		}
	}
}

func TestSourceSaysWhatFailed(t *testing.T) {
	s, err := Open(t.Context(), iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader([]byte("abc")))), "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, _, err := s.Beginning(100); err == nil || err.Error() != "read standard input: timeout" {
		t.Error(err)
	}
	if _, err := Open(t.Context(), nil, filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a missing file opens")
	}
}

// A read or write that never ends does not hold up who has been told to stop.
func TestStoppingDoesNotWaitForTheOtherSide(t *testing.T) {
	in, feed := io.Pipe()
	defer feed.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ahead := ReadAhead(ctx, in)
	sink, out := io.Pipe()
	defer sink.Close()
	behind := WriteBehind(ctx, out)
	if _, err := behind.Write(make([]byte, 2*bufferSize)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := ahead.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := behind.Write(make([]byte, 2*buffers*bufferSize)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := behind.Close(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ahead.Wipe()
	behind.Wipe()
}

func TestBehindWritesAllInOrder(t *testing.T) {
	want := bytes.Repeat([]byte("0123456"), bufferSize)
	var got bytes.Buffer
	b := WriteBehind(t.Context(), &got)
	for rest := want; len(rest) > 0; {
		n := min(len(rest), 65_552)
		if _, err := b.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := b.Close(); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%d of %d bytes, %v", got.Len(), len(want), err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestBehindReportsAFailedWrite(t *testing.T) {
	b := WriteBehind(t.Context(), full{})
	_, err := b.Write(make([]byte, 2*buffers*bufferSize))
	if err == nil {
		err = b.Close()
	}
	if err == nil || err.Error() != "disk full" {
		t.Error(err)
	}
}

func TestAFileAppearsWhenItIsComplete(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	for _, commit := range []bool{false, true} {
		f, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("data")); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Error("it is there before it is complete")
		}
		if commit {
			if err := f.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		f.Abort()
		left, err := os.ReadDir(dir)
		if err != nil || (len(left) == 1) != commit || len(left) > 1 {
			t.Errorf("commit %v leaves %v, %v", commit, left, err)
		}
	}
}
