package peer

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

func read(fd int) (*Credentials, error) {
	ucred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return nil, fmt.Errorf("SO_PEERCRED: %w", err)
	}
	if ucred.Pid <= 0 {
		return nil, fmt.Errorf("pid %d: %w", ucred.Pid, ErrForeign)
	}
	groups, err := peerGroups(fd)
	if err != nil {
		return nil, fmt.Errorf("SO_PEERGROUPS: %w", err)
	}
	c := &Credentials{UID: ucred.Uid, GID: ucred.Gid, Groups: groups, PID: ucred.Pid, Label: peerLabel(fd)}
	// No fallback to pidfd_open: the number may belong to another process by now.
	if pidfd, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEERPIDFD); err == nil && pidfd >= 0 {
		unix.CloseOnExec(pidfd)
		c.process = &process{pid: ucred.Pid, pidfd: pidfd}
	}
	return c, nil
}

// peerLabel is the label that the peer's process had when it connected, from
// SELinux, AppArmor or Smack. Without one of these there is none.
func peerLabel(fd int) string {
	label, err := unix.GetsockoptString(fd, unix.SOL_SOCKET, unix.SO_PEERSEC)
	if err != nil {
		return ""
	}
	return strings.TrimRight(label, "\x00\n")
}

// maxGroups is NGROUPS_MAX of Linux.
const maxGroups = 65536

// peerGroups reads SO_PEERGROUPS, growing the buffer to the size that the
// kernel asks for. Kernels before 4.13 do not have it: no groups then.
func peerGroups(fd int) ([]uint32, error) {
	groups := make([]uint32, 32)
	for {
		size := uint32(len(groups) * 4) //nolint:gosec // bounded by maxGroups
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			return groups[:size/4], nil
		case errors.Is(errno, unix.ENOPROTOOPT):
			return nil, nil
		case errors.Is(errno, unix.ERANGE) && int(size) > len(groups)*4 && size/4 <= maxGroups:
			groups = make([]uint32, size/4)
		default:
			return nil, errno
		}
	}
}
