//go:build unix

package ipc

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vaultd/vaultd/internal/paths"
)

// Listen makes the daemon's socket at path and returns its listener, whose
// Close removes it again. Zero mode is 0600; group is the name or number of the
// socket's group, and empty leaves it. The directory is made when it is
// missing: open to all users if the socket is open to any, else private.
//
// A socket file left behind by a daemon that died is replaced. One that a live
// daemon serves is never touched: Listen holds a lock on path+".lock" while it
// serves, asks a socket file that it finds by connecting to it, and returns
// ErrInUse for either.
func Listen(path string, mode fs.FileMode, group string) (net.Listener, error) {
	if err := paths.CheckSocket(path); err != nil {
		return nil, err
	}
	if mode == 0 {
		mode = 0o600
	}
	if err := prepareDirectory(filepath.Dir(path), mode); err != nil {
		return nil, err
	}
	lock, err := lockSocket(path + ".lock")
	if err != nil {
		return nil, err
	}
	l, err := bind(path, mode, group)
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	return l.guardedBy(lock, path)
}

func prepareDirectory(dir string, mode fs.FileMode) error {
	dirMode := fs.FileMode(0o700)
	if mode&0o077 != 0 {
		dirMode = 0o755
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return fmt.Errorf("make the socket's directory: %w", err)
	}
	if err := os.Mkdir(dir, dirMode); err == nil {
		if err := os.Chmod(dir, dirMode); err != nil { // whatever the umask is
			return fmt.Errorf("make the socket's directory: %w", err)
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the socket's directory: %w", err)
	}
	return checkDirectory(dir)
}

// checkDirectory refuses a directory in which others could replace the socket.
func checkDirectory(dir string) error {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return fmt.Errorf("examine %s: %w", dir, err)
	}
	switch {
	case st.Uid != 0 && st.Uid != uint32(os.Geteuid()): //nolint:gosec // a uid
		return fmt.Errorf("the socket's directory %s belongs to uid %d, who could replace the socket", dir, st.Uid)
	case st.Mode&0o022 != 0 && st.Mode&unix.S_ISVTX == 0:
		return fmt.Errorf("the socket's directory %s is writable by others, who could replace the socket; chmod it to 0755 or less", dir)
	}
	return nil
}

// lockSocket takes the lock that tells a live daemon from a dead one. The file
// stays when the daemon ends: removing it would let two daemons lock two files
// of one name.
func lockSocket(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the socket: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("%s: %w", path, ErrInUse)
	}
	return nil, fmt.Errorf("lock the socket: %w", err)
}

// bind replaces a dead socket file at path and listens there. The lock is held.
func bind(path string, mode fs.FileMode, group string) (*listener, error) {
	if err := clearStale(path); err != nil {
		return nil, err
	}
	// Nobody may connect before owner and mode are right. The umask belongs to
	// the whole process; for this moment others only get fewer rights.
	before := unix.Umask(0o177)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	unix.Umask(before)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	l.SetUnlinkOnClose(false)
	made := &listener{UnixListener: l}
	if err := restrict(path, mode, group); err != nil {
		_ = os.Remove(path)
		_ = l.Close()
		return nil, err
	}
	return made, nil
}

func restrict(path string, mode fs.FileMode, group string) error {
	if group != "" {
		gid, err := groupID(group)
		if err != nil {
			return err
		}
		if err := os.Lchown(path, -1, gid); err != nil {
			return fmt.Errorf("give the socket to group %s: %w", group, err)
		}
	}
	if err := os.Chmod(path, mode.Perm()); err != nil {
		return fmt.Errorf("set the socket's mode: %w", err)
	}
	return nil
}

func groupID(group string) (int, error) {
	if n, err := strconv.ParseUint(group, 10, 31); err == nil {
		return int(n), nil
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return 0, fmt.Errorf("group of the socket: %w", err)
	}
	return strconv.Atoi(g.Gid)
}

// clearStale removes a socket file that nobody listens to, and nothing else.
func clearStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("examine the old socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s exists and is no socket; move it away", path)
	}
	c, err := net.DialTimeout("unix", path, 2*time.Second)
	if err == nil {
		_ = c.Close()
		return fmt.Errorf("%s: %w", path, ErrInUse)
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		// A full backlog, or no right to ask: somebody may well be there.
		return fmt.Errorf("%s: %w (%w)", path, ErrInUse, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove the dead socket: %w", err)
	}
	return nil
}

// listener removes its socket file and lets the lock go when it is closed.
type listener struct {
	*net.UnixListener
	path     string
	dev, ino uint64
	lock     *os.File
	once     sync.Once
}

func (l *listener) guardedBy(lock *os.File, path string) (net.Listener, error) {
	l.lock, l.path = lock, path
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("examine the socket: %w", err)
	}
	l.dev, l.ino = uint64(st.Dev), st.Ino //nolint:gosec,unconvert // signed on some systems
	return l, nil
}

// Close stops listening. The file goes first, and only if it still is ours.
func (l *listener) Close() error {
	var err error
	l.once.Do(func() {
		var st unix.Stat_t
		if unix.Lstat(l.path, &st) == nil && uint64(st.Dev) == l.dev && st.Ino == l.ino { //nolint:gosec,unconvert // as above
			_ = os.Remove(l.path)
		}
		err = l.UnixListener.Close()
		_ = l.lock.Close()
	})
	return err
}
