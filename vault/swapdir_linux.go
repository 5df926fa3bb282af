package vault

import (
	"errors"

	"golang.org/x/sys/unix"
)

// exchangeDirs swaps two directories in one step.
func exchangeDirs(a, b string) error {
	err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return errors.ErrUnsupported // an old kernel, or a file system that can't
	}
	return err
}
