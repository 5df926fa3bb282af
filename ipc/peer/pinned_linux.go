package peer

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Pinned is a process that somebody named by its number, held by its pidfd: it
// can't be mistaken for another one that gets the number later.
type Pinned struct {
	UID     uint32 // effective
	Started uint64 // clock ticks since boot, as in a principal
	Boot    string // the kernel's id of this boot

	pidfd *os.File
}

// Pin holds on to the process that has the number now. It returns ErrGone for
// one that has ended, and ErrNoPin where the kernel can't do it: Linux 6.5 and
// later can.
func Pin(pid int32) (*Pinned, error) {
	if err := tellsPeers(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPin, err)
	}
	fd, err := unix.PidfdOpen(int(pid), 0)
	switch {
	case errors.Is(err, unix.ESRCH), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOENT):
		return nil, ErrGone // EINVAL and ENOENT: the number of a thread
	case errors.Is(err, unix.ENOSYS):
		return nil, fmt.Errorf("%w: %w", ErrNoPin, err)
	case err != nil:
		return nil, fmt.Errorf("pidfd_open: %w", err)
	}
	at := process{pid: pid, pidfd: fd}
	p := &Pinned{Started: at.started(), Boot: bootID()}
	uid, known := at.effectiveUID()
	if p.UID = uid; p.Started == 0 || !known || p.Boot == "" {
		alive := at.alive()
		at.close()
		if !alive {
			return nil, ErrGone
		}
		return nil, errors.New("what /proc tells of the process can't be read")
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		at.close()
		return nil, fmt.Errorf("hold the process: %w", err)
	}
	p.pidfd = os.NewFile(uintptr(fd), "pidfd")
	if err := p.pidfd.SetReadDeadline(time.Time{}); err != nil { // one that can't be waited for
		p.Close()
		return nil, fmt.Errorf("%w: %w", ErrNoPin, err)
	}
	return p, nil
}

// Wait waits for the process to end, and reports false if Close came first.
func (p *Pinned) Wait() (ended bool) {
	raw, err := p.pidfd.SyscallConn()
	if err != nil {
		return false
	}
	return raw.Read(func(fd uintptr) bool { return exited(int(fd)) }) == nil
}

// Close lets go of the process. It may be called twice.
func (p *Pinned) Close() { _ = p.pidfd.Close() }

// effectiveUID is the second number of "Uid:" in /proc/<pid>/status, where the
// program's name, which comes before, has its line ends escaped.
func (p *process) effectiveUID() (uint32, bool) {
	text := p.observe(func(dir string) string {
		b, err := readSmall(dir + "/status")
		if err != nil {
			return ""
		}
		return string(b)
	})
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) == 5 && fields[0] == "Uid:" {
			uid, err := strconv.ParseUint(fields[2], 10, 32)
			return uint32(uid), err == nil
		}
	}
	return 0, false
}

// bootID is different after every boot.
func bootID() string {
	b, err := readSmall("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// tellsPeers fails where the kernel does not tell which process is at the other
// end of a socket: nobody could be recognised as the one that is pinned.
func tellsPeers() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	fd, err := unix.GetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_PEERPIDFD)
	if err != nil {
		return fmt.Errorf("SO_PEERPIDFD: %w", err)
	}
	return unix.Close(fd)
}
