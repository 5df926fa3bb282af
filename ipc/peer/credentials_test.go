package peer

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// pair makes a connection and returns the end that the server accepted.
func pair(tb testing.TB) (server, client *net.UnixConn) {
	tb.Helper()
	dir, err := os.MkdirTemp("", "peer")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	address := &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"}
	l, err := net.ListenUnix("unix", address)
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	if client, err = net.DialUnix("unix", nil, address); err != nil {
		tb.Fatal(err)
	}
	if server, err = l.AcceptUnix(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = server.Close(); _ = client.Close() })
	return server, client
}

func skipUnlessSupported(tb testing.TB) {
	tb.Helper()
	switch runtime.GOOS {
	case "linux", "darwin", "freebsd":
	default:
		tb.Skip("no peer credentials on " + runtime.GOOS)
	}
}

func TestCredentialsOfThisProcess(t *testing.T) {
	skipUnlessSupported(t)
	server, _ := pair(t)
	c, err := Read(server)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.UID != uint32(os.Geteuid()) || c.GID != uint32(os.Getegid()) {
		t.Errorf("uid %d gid %d, want %d and %d", c.UID, c.GID, os.Geteuid(), os.Getegid())
	}
	if runtime.GOOS != "freebsd" && c.PID != int32(os.Getpid()) {
		t.Errorf("pid %d, want %d", c.PID, os.Getpid())
	}
}
