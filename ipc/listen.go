package ipc

import "errors"

// ErrInUse says that another process serves the socket.
var ErrInUse = errors.New("another vaultd is serving this socket")

// MaxSocketPath is the longest path that fits the address of a Unix socket on
// every system that vaultd runs on (sun_path of macOS and FreeBSD, with its final zero).
const MaxSocketPath = 103
