//go:build !linux && !darwin && !freebsd

package peer

func read(int) (*Credentials, error) { return nil, ErrUnsupported }
