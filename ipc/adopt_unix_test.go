//go:build unix

package ipc

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// handed is a socket as a service manager makes it: of this kind, bound to path,
// with this mode, and listening if asked.
func handed(t *testing.T, kind int, path string, mode fs.FileMode, listening bool) *os.File {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, kind, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "api")
	t.Cleanup(func() { _ = f.Close() })
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: path})
	if err == nil && listening {
		err = unix.Listen(fd, 16)
	}
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAdoptedSocketServesAndStays(t *testing.T) {
	path := filepath.Join(socketDir(t), "s")
	f := handed(t, unix.SOCK_STREAM, path, 0o660, true)
	before, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Adopt(f, path, 0o666, "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = accepted.Close()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := os.Lstat(path)
	if err != nil || !os.SameFile(before, after) || before.Mode() != after.Mode() {
		t.Errorf("the socket file changed: %v, %v, %v", before.Mode(), after.Mode(), err)
	}
	if err := f.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the descriptor that was handed over is open still: %v", err)
	}
}

func TestAdoptRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		make func(t *testing.T, path string) *os.File
		mode fs.FileMode
		want string
	}{
		"another path": {func(t *testing.T, path string) *os.File {
			return handed(t, unix.SOCK_STREAM, path+"2", 0o600, true)
		}, 0o600, "is bound to"},
		"datagrams": {func(t *testing.T, path string) *os.File {
			return handed(t, unix.SOCK_DGRAM, path, 0o600, false)
		}, 0o600, "no stream socket"},
		"not listening": {func(t *testing.T, path string) *os.File {
			return handed(t, unix.SOCK_STREAM, path, 0o600, false)
		}, 0o600, "does not listen"},
		"a file": {func(t *testing.T, path string) *os.File {
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}, 0o600, "socket"},
		"an internet socket": {func(t *testing.T, _ string) *os.File {
			l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
			if err != nil {
				t.Skip(err)
			}
			defer l.Close()
			f, err := l.File()
			if err != nil {
				t.Fatal(err)
			}
			return f
		}, 0o600, "no Unix socket"},
		"open to more than configured": {func(t *testing.T, path string) *os.File {
			return handed(t, unix.SOCK_STREAM, path, 0o666, true)
		}, 0o660, "SocketMode=0660"},
		"open to more than the default": {func(t *testing.T, path string) *os.File {
			return handed(t, unix.SOCK_STREAM, path, 0o666, true)
		}, 0, "SocketMode=0600"},
		"replaced by a file": {func(t *testing.T, path string) *os.File {
			f := handed(t, unix.SOCK_STREAM, path, 0o600, true)
			if err := errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
			return f
		}, 0o600, "not the socket"},
		"in a directory of everybody's": {func(t *testing.T, path string) *os.File {
			f := handed(t, unix.SOCK_STREAM, path, 0o600, true)
			if err := os.Chmod(filepath.Dir(path), 0o777); err != nil {
				t.Fatal(err)
			}
			return f
		}, 0o600, "could replace the socket"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(socketDir(t), "s")
			f := c.make(t, path)
			if _, err := Adopt(f, path, c.mode, ""); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err := f.Close(); !errors.Is(err, os.ErrClosed) {
				t.Errorf("left open: %v", err)
			}
		})
	}
}

func TestAdoptHoldsTheGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	path := filepath.Join(socketDir(t), "s")
	f := handed(t, unix.SOCK_STREAM, path, 0o660, true)
	if err := os.Chown(path, -1, 4711); err != nil {
		t.Fatal(err)
	}
	if _, err := Adopt(f, path, 0o660, "4712"); err == nil || !strings.Contains(err.Error(), "SocketGroup=4712") {
		t.Errorf("another group: %v", err)
	}
	f = handed(t, unix.SOCK_STREAM, path+"2", 0o660, true)
	if err := os.Chown(path+"2", -1, 4711); err != nil {
		t.Fatal(err)
	}
	l, err := Adopt(f, path+"2", 0o660, "4711")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}
