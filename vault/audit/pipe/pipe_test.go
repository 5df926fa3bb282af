//go:build unix

package pipe_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/audit/pipe"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func fifo(t *testing.T, mode uint32) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := errors.Join(unix.Mkfifo(path, mode), os.Chmod(path, os.FileMode(mode))); err != nil {
		t.Fatal(err)
	}
	return path
}

// logTo opens an audit log with a second copy in the FIFO.
func logTo(t *testing.T, path string, queue int) *audit.Log {
	t.Helper()
	l, err := audit.Open(filepath.Join(t.TempDir(), "log"), audit.Options{
		Sinks: []audit.Sink{{Name: "pipe", Writer: pipe.New(path)}}, SinkQueue: queue,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func write(t *testing.T, l *audit.Log, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if _, err := l.Append(context.Background(), audit.Record{Action: "test", Request: fmt.Sprint(i), Outcome: audit.Allowed}); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually waits until the state of the sink is as wanted.
func eventually(t *testing.T, l *audit.Log, want func(audit.SinkStatus) bool) audit.SinkStatus {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		s := l.Status().Sinks[0]
		if want(s) {
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("the sink is %+v", s)
		}
	}
}

func read(t *testing.T, r *bufio.Reader, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		line, err := r.ReadString('\n')
		rec, derr := audit.Decode([]byte(strings.TrimSuffix(line, "\n")))
		if err != nil || derr != nil || rec.Request != fmt.Sprint(i) {
			t.Fatalf("line %d: %q, %v, %v", i, line, err, derr)
		}
	}
}

// Lines wait for a reader, for one that comes back too, and none is lost or cut.
func TestReaderThatComesAndGoes(t *testing.T) {
	path := fifo(t, 0o640)
	l := logTo(t, path, 0)
	write(t, l, 0, 3)
	eventually(t, l, func(s audit.SinkStatus) bool { return errors.Is(s.Err, pipe.ErrNoReader) })
	next := 0
	for range 2 {
		f, err := os.Open(path) // the sink opens it within a second
		if err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(f)
		read(t, r, next, next+3)
		next += 3
		eventually(t, l, func(s audit.SinkStatus) bool { return s.Err == nil })
		write(t, l, next, next+2)
		read(t, r, next, next+2)
		next += 2
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		write(t, l, next, next+3)
		eventually(t, l, func(s audit.SinkStatus) bool { return errors.Is(s.Err, pipe.ErrNoReader) })
	}
	if s := l.Status().Sinks[0]; s.Dropped != 0 {
		t.Errorf("%+v", s)
	}
}

// A reader that reads nothing costs drops, and nobody time.
func TestStuckReader(t *testing.T) {
	path := fifo(t, 0o600)
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l := logTo(t, path, 8<<10)
	until := time.Now().Add(30 * time.Second)
	for i := 0; ; i++ {
		write(t, l, i, i+1)
		s := l.Status().Sinks[0]
		if s.Dropped > 0 && s.Err != nil {
			if !strings.Contains(s.Err.Error(), "takes nothing since") {
				t.Error(s.Err)
			}
			break
		}
		if time.Now().After(until) {
			t.Fatalf("%+v", s)
		}
	}
	began := time.Now()
	if err := l.Close(); err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("closed after %v: %v", time.Since(began), err)
	}
}

func TestUnsafeOrMissing(t *testing.T) {
	dir := t.TempDir()
	plain, link := filepath.Join(dir, "plain"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(plain, nil, 0o600), os.Symlink(fifo(t, 0o600), link)); err != nil {
		t.Fatal(err)
	}
	open := fifo(t, 0o600)
	if err := os.Chmod(filepath.Dir(open), 0o777); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, want string }{
		"missing":               {filepath.Join(dir, "none"), "mkfifo"},
		"a file":                {plain, "mkfifo"},
		"a link":                {link, "mkfifo"},
		"others may write":      {fifo(t, 0o620), "by others"},
		"everybody may read":    {fifo(t, 0o604), "everybody"},
		"directory for all":     {open, "by everybody"},
		"a device":              {"/dev/null", "written by others"},
		"nobody has it to read": {fifo(t, 0o600), "nobody reads"},
	} {
		// A reader, so that only what is wrong keeps it from being opened.
		if c.want != "nobody reads" {
			if f, err := os.OpenFile(c.path, os.O_RDONLY|unix.O_NONBLOCK, 0); err == nil {
				defer f.Close()
			}
		}
		w := pipe.New(c.path)
		n, err := w.Write([]byte("x\n"))
		if n != 0 || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	if b, err := os.ReadFile(plain); err != nil || len(b) > 0 {
		t.Errorf("something was written: %q, %v", b, err)
	}
}
