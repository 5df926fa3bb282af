package harden

import "golang.org/x/sys/unix"

// kernel refuses debuggers: one that is attached already kills the process here.
func kernel() []Measure {
	return []Measure{{Name: "no-ptrace", Err: unix.PtraceDenyAttach()}}
}
