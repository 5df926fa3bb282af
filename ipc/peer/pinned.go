package peer

import "errors"

// Errors of Pin.
var (
	// ErrGone says that there is no such process, or no more.
	ErrGone = errors.New("there is no such process")
	// ErrNoPin says that this system can't tell a process from a later one
	// with its number, here or at the other end of a socket.
	ErrNoPin = errors.New("this system can't hold on to a process")
)
