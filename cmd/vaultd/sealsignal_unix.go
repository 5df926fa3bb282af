//go:build unix

package main

import (
	"os"
	"syscall"
)

// sealSignals ask to seal the vault at once.
var sealSignals = []os.Signal{syscall.SIGUSR1}
