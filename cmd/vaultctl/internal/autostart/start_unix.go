//go:build unix

package autostart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vaultd/vaultd/internal/paths"
	"github.com/vaultd/vaultd/vault/fault"
)

const (
	// bound is how long a daemon may take until it accepts connections.
	bound = 15 * time.Second
	// grace is how long to look for a winner after the daemon that was started
	// has ended, which it does when another one holds the vault.
	grace = 500 * time.Millisecond
	pause = 5 * time.Millisecond
	// maxLog is the size in bytes from which a new daemon gets a new log.
	maxLog = 1 << 20
)

// Start makes sure that the user's own daemon runs at the socket, and returns
// when it accepts connections. Of several callers one starts it, under a lock,
// and the others wait for it. The daemon outlives the caller, in a session of its own,
// and writes what it has to say to vaultd.log in the state directory. The
// error is daemon_unreachable.
func (t Target) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	if err := paths.CheckSocket(t.Socket); err != nil {
		return unreachable("%v", err)
	}
	if err := os.MkdirAll(t.StateDir, 0o700); err != nil {
		return unreachable("%v", err)
	}
	lock, err := os.OpenFile(filepath.Join(t.StateDir, "start.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return unreachable("%v", err)
	}
	defer lock.Close() // and with it the lock
	for {
		if t.Running(ctx) {
			return nil
		}
		err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return unreachable("lock %s: %v", lock.Name(), err)
		}
		if err := sleep(ctx); err != nil {
			return err
		}
	}
	if t.Running(ctx) { // started while we waited for the lock
		return nil
	}
	return t.launch(ctx)
}

func (t Target) launch(ctx context.Context) error {
	program, err := daemon()
	if err != nil {
		return err
	}
	logPath := filepath.Join(t.StateDir, "vaultd.log")
	if info, err := os.Stat(logPath); err == nil && info.Size() > maxLog {
		_ = os.Rename(logPath, logPath+".old") // if not, the log goes on growing
	}
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return unreachable("%v", err)
	}
	defer log.Close()
	said, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return unreachable("%v", err)
	}
	cmd := exec.Command(program, "--user", "--socket", t.Socket)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	keepDescriptors()
	if err := cmd.Start(); err != nil {
		return unreachable("start %s: %v", program, err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	return t.await(ctx, ended, func() string { return lastLine(log, said) })
}

// keepDescriptors keeps from the daemon what this process was given beyond the
// three standard descriptors, such as a password's: the daemon would hold it
// open for as long as it lives, and whoever waits for its end would wait too.
func keepDescriptors() {
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		return // no such directory, as on FreeBSD without fdescfs
	}
	for _, d := range open {
		if fd, err := strconv.Atoi(d.Name()); err == nil && fd > 2 {
			syscall.CloseOnExec(fd)
		}
	}
}

// await returns when the socket accepts connections, or the daemon has ended
// and nobody else serves, or the time is up.
func (t Target) await(ctx context.Context, ended <-chan struct{}, said func() string) error {
	for !t.Running(ctx) {
		select {
		case <-ended:
			ended = nil
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, grace)
			defer cancel()
		default:
		}
		if err := sleep(ctx); err != nil {
			if last := said(); last != "" {
				return unreachable("the daemon did not start; it said: %s", last)
			}
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context) error {
	select {
	case <-time.After(pause):
		return nil
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.Canceled) {
			return ctx.Err()
		}
		return unreachable("the daemon did not start within %v", bound)
	}
}

// daemon is the vaultd beside our own executable, or else the one in PATH.
func daemon() (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "vaultd")
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return beside, nil
		}
	}
	path, err := exec.LookPath("vaultd")
	if err != nil {
		return "", fault.E(fault.CodeUnreachable, "no daemon runs, and there is no vaultd to start beside vaultctl or in PATH").
			WithHint("install vaultd, or name a running daemon's socket with --socket")
	}
	return path, nil
}

// lastLine is the last line of the log after offset, cut to a length that fits a message.
func lastLine(log *os.File, offset int64) string {
	const most = 64 << 10
	buf := make([]byte, most)
	n, _ := log.ReadAt(buf, offset)
	lines := bytes.Split(bytes.TrimSpace(buf[:n]), []byte("\n"))
	last := lines[len(lines)-1]
	if len(last) > 400 {
		last = last[:400]
	}
	return string(last)
}

func unreachable(format string, args ...any) error {
	return fault.E(fault.CodeUnreachable, "%s", fmt.Sprintf(format, args...)).
		WithHint("run 'vaultd' in another terminal to see what it says")
}
