//go:build !linux

package peer

// process has no race-free form on this system.
type process struct{}

func (*process) executable() string { return "" }
func (*process) unit() string       { return "" }
func (*process) close()             {}
