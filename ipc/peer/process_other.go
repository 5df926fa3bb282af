//go:build !linux

package peer

// process has no race-free form on this system.
type process struct{}

func (*process) executable() string { return "" }
func (*process) started() uint64    { return 0 }

func (*process) units(uint32) (unit, userUnit string, known bool) { return "", "", false }
func (*process) close()                                           {}
