//go:build !windows

package tpm

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/google/go-tpm/tpm2/transport"
	"github.com/google/go-tpm/tpm2/transport/linuxtpm"
)

// answerTime bounds one call on a socket. On a device the kernel's driver does that.
const answerTime = 30 * time.Second

// one call at a time, since what is loaded fills a TPM without a resource manager.
var one sync.Mutex

// device is an open TPM.
type device struct {
	transport.TPMCloser
}

// open opens a character device, or a socket that an emulator listens on. The
// caller closes it, and nobody else opens one until then.
func open(path string) (*device, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w at %s", ErrNone, path)
	}
	if err != nil {
		return nil, access(path, err)
	}
	one.Lock()
	t, err := dial(path, info.Mode())
	if err != nil {
		one.Unlock()
		return nil, access(path, err)
	}
	return &device{t}, nil
}

func dial(path string, mode fs.FileMode) (transport.TPMCloser, error) {
	if mode.Type() != fs.ModeSocket {
		return linuxtpm.Open(path)
	}
	c, err := net.DialTimeout("unix", path, answerTime)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(answerTime)); err != nil {
		_ = c.Close()
		return nil, err
	}
	return transport.FromReadWriteCloser(c), nil
}

func (d *device) close() {
	_ = d.Close()
	one.Unlock()
}

// access tells what stands between this process and the device.
func access(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w", ErrAccess, err)
	case errors.Is(err, linuxtpm.ErrFileIsNotDevice), errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ENODEV), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w at %s", ErrNone, path)
	}
	return fmt.Errorf("%w: %w", ErrDevice, err)
}
