//go:build !linux

package peer

// Pinned is a process that somebody named by its number. There is none on this system.
type Pinned struct {
	UID     uint32
	Started uint64
	Boot    string
}

// Pin returns ErrNoPin.
func Pin(int32) (*Pinned, error) { return nil, ErrNoPin }

// Wait reports false.
func (*Pinned) Wait() (ended bool) { return false }

// Close does nothing.
func (*Pinned) Close() {}
