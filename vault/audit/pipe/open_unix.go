//go:build unix

package pipe

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/vaultd/vaultd/internal/perm"
)

// openFIFO opens the FIFO without waiting for a reader. It refuses one that
// others could write into or replace, who could put lines of their own beside
// ours, and one that everybody could read: lines name callers, owners and keys.
func openFIFO(path string) (*os.File, error) {
	if err := perm.Check(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s %w", path, ErrNoFIFO)
		}
		return nil, err
	}
	// Looked at first, as opening a device has effects; what is opened is looked at again.
	if info, err := os.Lstat(path); err != nil {
		return nil, err
	} else if info.Mode().Type() != fs.ModeNamedPipe {
		return nil, fmt.Errorf("%s %w", path, ErrNoFIFO)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW, 0)
	if errors.Is(err, unix.ENXIO) {
		return nil, ErrNoReader
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.Mode().Type() != fs.ModeNamedPipe:
		err = fmt.Errorf("%s %w", path, ErrNoFIFO)
	case info.Mode().Perm()&0o007 != 0:
		err = fmt.Errorf("%s is open to everybody (mode %04o); run 'chmod o-rwx %s'", path, info.Mode().Perm(), path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// readerGone says so in words of its own.
func readerGone(err error) error {
	if errors.Is(err, unix.EPIPE) {
		return ErrNoReader
	}
	return err
}
