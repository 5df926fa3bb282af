package main

import (
	"os"
	"runtime/debug"
)

// tuneMemory trades some processor time for a small resident set: a key manager
// is idle most of the time and shares its machine. GOGC and GOMEMLIMIT in the
// environment win.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(64 << 20)
	}
}
