// Vaultctl is the command line of the vault: it reads what a user types, asks
// the daemon through ipc/client, and prints the answer.
package main

import (
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/command"
)

// version is set by the linker for a release.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if filepath.Base(os.Args[0]) == command.PluginName { // a link to vaultctl
		os.Exit(command.RunPlugin(ctx, os.Args[1:], os.Stderr))
	}
	os.Exit(command.Run(ctx, version, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
