//go:build !unix

package ipc

import (
	"fmt"
	"io/fs"
	"net"

	"github.com/vaultd/vaultd/ipc/peer"
)

// Listen refuses: on this system nobody tells the daemon who is calling.
func Listen(string, fs.FileMode, string) (net.Listener, error) {
	return nil, fmt.Errorf("vaultd cannot serve here: %w", peer.ErrUnsupported)
}
