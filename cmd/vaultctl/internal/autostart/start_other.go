//go:build !unix

package autostart

import (
	"context"

	"github.com/vaultd/vaultd/vault/fault"
)

// Start returns daemon_unreachable: the daemon does not run on this system.
func (t Target) Start(context.Context) error {
	return fault.E(fault.CodeUnreachable, "the daemon does not run on this system yet").
		WithHint("name the socket of a daemon elsewhere with --socket")
}
