//go:build unix

package ipc

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/vaultd/vaultd/internal/paths"
	"github.com/vaultd/vaultd/vault/fault"
)

// Adopt returns the listener of a socket that a service manager made at path
// and handed to this process, and closes f. The socket file is the service manager's:
// neither Adopt nor the listener's Close changes or removes it.
//
// It refuses what is not a listening stream socket bound to path, a directory in
// which others could replace the socket, and a socket that is open to more
// users than mode and group say, with zero mode for 0600 and an empty group for any.
func Adopt(f *os.File, path string, mode fs.FileMode, group string) (net.Listener, error) {
	defer f.Close()
	if err := paths.CheckSocket(path); err != nil {
		return nil, err
	}
	if err := bound(f, path); err != nil {
		return nil, err
	}
	if err := checkDirectory(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if mode == 0 {
		mode = 0o600
	}
	if err := noWider(path, mode, group); err != nil {
		return nil, err
	}
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("listen on the socket handed over: %w", err)
	}
	return l, nil
}

// bound refuses what is not a socket that listens at path.
func bound(f *os.File, path string) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return fmt.Errorf("examine the socket handed over: %w", err)
	}
	var refusal error
	err = raw.Control(func(fd uintptr) { refusal = boundAt(int(fd), path) })
	if err != nil {
		return fmt.Errorf("examine the socket handed over: %w", err)
	}
	return refusal
}

func boundAt(fd int, path string) error {
	name, err := unix.Getsockname(fd)
	if err != nil {
		return fmt.Errorf("examine the socket handed over: %w", err)
	}
	at, ok := name.(*unix.SockaddrUnix)
	if !ok {
		return unlike(path, "is no Unix socket")
	}
	if at.Name != path {
		return unlike(path, fmt.Sprintf("is bound to %q", at.Name))
	}
	if kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err != nil || kind != unix.SOCK_STREAM {
		return unlike(path, "is no stream socket")
	}
	if listens, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err != nil || listens != 1 {
		return unlike(path, "does not listen")
	}
	return nil
}

func unlike(path, what string) error {
	return fault.E(fault.CodeUsage, "the service manager handed over a socket that %s", what).
		WithHint("vaultd wants a listening stream socket at %s: make ListenStream= of the socket unit and [socket] path agree", path)
}

// noWider refuses a socket that lets more users connect than the configuration
// says: whoever narrowed it there must not find it open.
func noWider(path string, mode fs.FileMode, group string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("examine the socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fault.E(fault.CodeUnsafePerms, "%s is not the socket that was handed over", path).
			WithHint("restart the socket unit")
	}
	if extra := info.Mode().Perm() &^ mode.Perm(); extra != 0 {
		return fault.E(fault.CodeUnsafePerms, "the socket unit gave %s mode %04o, and [socket] mode is %04o", path, info.Mode().Perm(), mode.Perm()).
			WithHint("set SocketMode=%04o in the socket unit", mode.Perm())
	}
	if group == "" || info.Mode().Perm()&0o070 == 0 {
		return nil
	}
	want, err := groupID(group)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !ok || int(st.Gid) != want {
		return fault.E(fault.CodeUnsafePerms, "the socket unit gave %s to another group than [socket] group = %q", path, group).
			WithHint("set SocketGroup=%s in the socket unit", group)
	}
	return nil
}
