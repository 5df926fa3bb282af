package peer

import (
	"errors"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"testing"
	"time"
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

func TestUserNameIsCachedAndForgotten(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	calls, answer := 0, func() (*user.User, error) { return &user.User{Username: "alice"}, nil }
	r := &Resolver{
		now:    func() time.Time { return now },
		lookup: func(string) (*user.User, error) { calls++; return answer() },
	}
	for range 3 {
		if name := r.UserName(1000); name != "alice" {
			t.Fatalf("name %q", name)
		}
	}
	if calls != 1 {
		t.Errorf("%d lookups for three questions in a row", calls)
	}

	answer = func() (*user.User, error) { return nil, user.UnknownUserIdError(1000) }
	now = now.Add(nameLifetime + time.Second)
	if name := r.UserName(1000); name != "" {
		t.Errorf("a removed account still answers %q", name)
	}
	answer = func() (*user.User, error) { return &user.User{Username: "bob"}, nil }
	now = now.Add(missLifetime + time.Second)
	if name := r.UserName(1000); name != "bob" {
		t.Errorf("a new account answers %q", name)
	}
}

func TestUserNameWhenDirectoryFailsIsNotRemembered(t *testing.T) {
	fail := errors.New("directory is down")
	var err error = fail
	r := &Resolver{lookup: func(string) (*user.User, error) { return &user.User{Username: "alice"}, err }}
	if name := r.UserName(1000); name != "" {
		t.Fatalf("name %q from a failed lookup", name)
	}
	err = nil
	if name := r.UserName(1000); name != "alice" {
		t.Errorf("name %q right after the directory came back", name)
	}
}

func TestUserNamesAreBounded(t *testing.T) {
	r := &Resolver{lookup: func(uid string) (*user.User, error) { return &user.User{Username: "u" + uid}, nil }}
	for uid := range uint32(3 * maxNames) {
		r.UserName(uid)
	}
	if len(r.names) > maxNames {
		t.Errorf("%d names kept", len(r.names))
	}
}
