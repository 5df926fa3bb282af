package peer

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func read(fd int) (*Credentials, error) {
	x, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return nil, fmt.Errorf("LOCAL_PEERCRED: %w", err)
	}
	c, err := fromXucred(x.Uid, int(x.Ngroups), x.Groups[:])
	if err != nil {
		return nil, err
	}
	if pid, err := unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID); err == nil && pid > 0 {
		c.PID = int32(pid) //nolint:gosec // a process number
	}
	return c, nil
}
