// Command vaultd keeps keys for the programs of one machine, or of one user, and
// uses them on their behalf over a Unix socket.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/internal/harden"
	"github.com/vaultd/vaultd/internal/paths"
	"github.com/vaultd/vaultd/vault/fault"
)

// version is set by the linker in a release; see versionString.
var version string

func main() {
	// First of all, before anything can be read that is worth protecting.
	measures := harden.Process()
	cmd := newCommand(measures)
	cmd.SetArgs(os.Args[1:])
	err := cmd.ExecuteContext(context.Background())
	if status := exit(0); errors.As(err, &status) {
		os.Exit(int(status))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "vaultd: %v\n", err)
	}
	os.Exit(exitCode(err))
}

// exitCode is the class of the error, the same number as vaultctl uses.
func exitCode(err error) int {
	var known *fault.Error
	var problem *config.Problem
	switch {
	case err == nil:
		return 0
	case errors.As(err, &known):
		return int(known.Code.Class())
	case errors.As(err, &problem), errors.Is(err, paths.ErrNoHome):
		return int(fault.ClassUsage)
	}
	return int(fault.ClassInternal)
}
