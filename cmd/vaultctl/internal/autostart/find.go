package autostart

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/vaultd/vaultd/internal/paths"
	"github.com/vaultd/vaultd/internal/perm"
)

// Target is a daemon to talk to.
type Target struct {
	Socket string
	// Startable says that this is the user's own daemon, which may be started.
	Startable bool
	// StateDir is where the log of a started daemon and other files that are
	// not secret data live; empty when the environment gives no place.
	StateDir string
}

// Find chooses the daemon: the one at socket when that is not empty, the one
// that VAULTD_SOCKET names, the user's own when it runs or when the user has a
// vault, the machine's when there is one, and otherwise the user's own, to be started.
// Places that belong to somebody else, as after su or sudo with an environment
// kept, are not the user's own: whoever owns them could pass for the daemon and
// be told the password.
func Find(socket string, getenv func(string) string) Target {
	own, err := paths.User(getenv)
	if err == nil {
		err = errors.Join(perm.Owned(filepath.Dir(own.Socket)), perm.Owned(filepath.Dir(own.Anchor)))
	}
	t := Target{}
	if err == nil {
		t.StateDir = filepath.Dir(own.Anchor)
	}
	if socket == "" {
		socket = getenv("VAULTD_SOCKET")
	}
	if socket != "" {
		t.Socket = socket
		return t
	}
	machine := paths.System().Socket
	if err != nil || !exists(own.Socket) && !exists(own.Store) && exists(machine) {
		t.Socket = machine
		return t
	}
	t.Socket, t.Startable = own.Socket, true
	return t
}

// Running reports whether something accepts connections at the socket.
func (t Target) Running(ctx context.Context) bool {
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(ctx, "unix", t.Socket)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
