package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

func (a *app) keyDestroy() *cobra.Command {
	var version uint32
	var now, yes bool
	var reason string
	cmd := &cobra.Command{
		Use:   "destroy KEY",
		Short: "Destroy the material of a key for good",
		Long: strings.TrimSpace(`
Destroy the private material of a key, or of one version. What it protected can
never be read again. The name stays taken, and 'key show' still tells what the
key was.

The key is unusable from the moment this returns. The old bytes leave the store
with its next rewrite; --now does the rewrite at once.

On a terminal you are asked to type the key's name; elsewhere, give --yes.`),
		Example: example(`
vaultctl key destroy session
vaultctl key destroy backup --key-version 1 --now --yes`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	cmd.Flags().Uint32Var(&version, "key-version", 0, "only this `VERSION` (default: all of them)")
	cmd.Flags().BoolVar(&now, "now", false, "rewrite the store at once, so that the old bytes go from it")
	cmd.Flags().StringVar(&reason, "reason", "", "why, a `TEXT`; kept in the revocation list")
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		if !yes {
			what := fmt.Sprintf("This destroys %s. What it protected can never be read again.", name)
			if version > 0 {
				what = fmt.Sprintf("This destroys version %d of %s. What it protected can never be read again.", version, name)
			}
			if err := a.ask.Confirm(ctx, what, name, "--yes"); err != nil {
				return err
			}
		}
		r, err := call(ctx, a, "Destroying the key", c.DestroyKey,
			&vaultdv1.DestroyKeyRequest{Name: name, Version: version, Now: now, Reason: reason})
		if err != nil {
			return err
		}
		return a.print.Key(r.GetKey())
	})
	return cmd
}

func (a *app) keyRevoke() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "revoke KEY",
		Short: "Declare a key untrusted; every use of it is refused",
		Long: strings.TrimSpace(`
Revoke a key: from now on every operation with it, decryption included, answers
'revoked'. The revocation is remembered for good, with the key's fingerprints
and who revoked it; see 'vaultctl revocation list'. The public key can still be
read.`),
		Example:           example(`vaultctl key revoke signer --reason "laptop stolen"`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, a `TEXT`; kept in the revocation list")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Revoking the key", c.RevokeKey, &vaultdv1.RevokeKeyRequest{Name: name, Reason: reason})
		if err != nil {
			return err
		}
		return a.print.Key(r.GetKey())
	})
	return cmd
}
