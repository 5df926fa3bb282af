package ipc

import "errors"

// ErrInUse says that another process serves the socket.
var ErrInUse = errors.New("another vaultd is serving this socket")
