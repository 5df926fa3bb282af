package main

import (
	"os"
	"runtime/debug"
)

// tuneMemory trades some processor time for a smaller resident set: a key
// manager is idle most of the time and shares its machine. There is no memory
// limit, which would make the collector run without end on a vault that needs
// more. GOGC in the environment wins.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}
