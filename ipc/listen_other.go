//go:build !unix

package ipc

import (
	"fmt"
	"io/fs"
	"net"
	"os"

	"github.com/vaultd/vaultd/ipc/peer"
)

// Listen refuses: on this system nobody tells the daemon who is calling.
func Listen(string, fs.FileMode, string) (net.Listener, error) {
	return nil, fmt.Errorf("vaultd cannot serve here: %w", peer.ErrUnsupported)
}

// Adopt refuses as Listen does.
func Adopt(f *os.File, _ string, _ fs.FileMode, _ string) (net.Listener, error) {
	_ = f.Close()
	return nil, fmt.Errorf("vaultd cannot serve here: %w", peer.ErrUnsupported)
}
