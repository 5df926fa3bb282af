package store

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// allocate gives a sparse file all its blocks, where the file system can.
func allocate(f *os.File) error {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	for {
		err = unix.Fallocate(int(f.Fd()), 0, 0, info.Size())
		if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("allocate %d bytes: %w", info.Size(), err)
	}
	return nil
}
