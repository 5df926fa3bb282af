package harden

import "golang.org/x/sys/unix"

func kernel() []Measure {
	return []Measure{
		// Also what keeps a core from a kernel.core_pattern that pipes to a
		// program: such a pipe ignores the core limit of zero.
		{Name: "not-dumpable", Err: unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)},
		{Name: "no-new-privileges", Err: unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)},
	}
}
