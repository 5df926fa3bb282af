package ipc

import (
	"errors"

	"github.com/vaultd/vaultd/internal/paths"
)

// ErrInUse says that another process serves the socket.
var ErrInUse = errors.New("another vaultd is serving this socket")

// MaxSocketPath is the longest path that fits the address of a Unix socket here.
const MaxSocketPath = paths.MaxSocket
