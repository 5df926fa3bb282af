package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

func (a *app) keyDestroy() *cobra.Command {
	var version uint32
	var now, yes bool
	var after parse.Age
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

--after sets a time instead. Until then nothing can be done with the key, every
attempt is reported, and 'key cancel-destruction' keeps it.

On a terminal you are asked to type the key's name; elsewhere, give --yes.`),
		Example: example(`
vaultctl key destroy session
vaultctl key destroy backup --after 30d --reason "moved to the new key"
vaultctl key destroy backup --key-version 1 --now --yes`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	cmd.Flags().Uint32Var(&version, "key-version", 0, "only this `VERSION` (default: all of them)")
	cmd.Flags().BoolVar(&now, "now", false, "rewrite the store at once, so that the old bytes go from it")
	cmd.Flags().Var(&after, "after", "destroy it so long from now; until then it can be cancelled")
	cmd.Flags().StringVar(&reason, "reason", "", "why, a `TEXT`; kept in the revocation list")
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		if !yes && after == 0 { // what can be cancelled needs no second thought
			what := fmt.Sprintf("This destroys %s. What it protected can never be read again.", name)
			if version > 0 {
				what = fmt.Sprintf("This destroys version %d of %s. What it protected can never be read again.", version, name)
			}
			if err := a.ask.Confirm(ctx, what, name, "--yes"); err != nil {
				return err
			}
		}
		r, err := call(ctx, a, "Destroying the key", c.DestroyKey,
			&vaultdv1.DestroyKeyRequest{Name: name, Version: version, Now: now, Reason: reason, After: after.Proto()})
		if err != nil {
			return err
		}
		return a.print.Key(r.GetKey())
	})
	return cmd
}

func (a *app) keyRevoke() *cobra.Command {
	var reason string
	code := parse.RevocationReason()
	compromised := parse.Moment{Past: true}
	cmd := &cobra.Command{
		Use:   "revoke KEY",
		Short: "Declare a key untrusted; every use of it is refused",
		Long: strings.TrimSpace(`
Revoke a key: from now on every operation with it, decryption included, answers
'revoked'. The revocation is remembered for good, with the key's fingerprints
and who revoked it; see 'vaultctl revocation list'. The public key can still be
read.

--code says why in the words of RFC 5280. With key_compromise the key counts as
compromised, since --compromised-at; an administrator who states that something
is older than that can still open it, with 'decrypt --protected-at'.`),
		Example: example(`
vaultctl key revoke signer --reason "laptop stolen"
vaultctl key revoke signer --code key_compromise --compromised-at 2d`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, a `TEXT`; kept in the revocation list")
	cmd.Flags().Var(code, "code", strings.Join(code.Words(), ", "))
	cmd.Flags().Var(&compromised, "compromised-at", "since when others may have the key: 2d (ago), 2026-11-20 (default: now)")
	mustComplete(cmd, "code", code.Words()...)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Revoking the key", c.RevokeKey, &vaultdv1.RevokeKeyRequest{
			Name: name, Reason: reason, ReasonCode: code.Value, CompromisedAt: compromised.Proto(),
		})
		if err != nil {
			return err
		}
		return a.print.Key(r.GetKey())
	})
	return cmd
}
