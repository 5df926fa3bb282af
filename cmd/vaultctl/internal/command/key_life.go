package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// periods are the flags for the times of a new version.
type periods struct {
	notBefore  parse.Moment
	processFor parse.Age
}

func (p *periods) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var(&p.notBefore, "not-before", "the version is not active before: 30d, 2027-01-31, 2027-01-31T12:00:00Z")
	f.Var(&p.processFor, "process-for", "how long from its activation each version opens old data (default: for ever)")
}

func (a *app) keySuspend() *cobra.Command {
	var version uint32
	var reason string
	cmd := &cobra.Command{
		Use:   "suspend KEY",
		Short: "Pause a key; it can be resumed",
		Long: strings.TrimSpace(`
Suspend a key, or one version: from now on it protects nothing, and opens only
what whoever asks states to be older, with --protected-at. Versions that are
added later are not suspended. What an administrator suspends only an
administrator can resume.`),
		Example: example(`
vaultctl key suspend signer --reason "laptop missing"
vaultctl key suspend session --key-version 2`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	cmd.Flags().Uint32Var(&version, "key-version", 0, "only this `VERSION` (default: every version that there is now)")
	cmd.Flags().StringVar(&reason, "reason", "", "why, a `TEXT` of up to 128 bytes; kept with the key")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Suspending the key", c.SuspendKey, &vaultdv1.SuspendKeyRequest{Name: name, Version: version, Reason: reason})
		if err != nil {
			return err
		}
		return a.print.Key(r.GetKey())
	})
	return cmd
}

func (a *app) keyResume() *cobra.Command {
	var version uint32
	cmd := &cobra.Command{
		Use:   "resume KEY",
		Short: "End a suspension",
		Long: strings.TrimSpace(`
Resume a suspended key. A version whose period ended meanwhile is deactivated;
every other is what it was before.`),
		Example:           example("vaultctl key resume signer"),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	cmd.Flags().Uint32Var(&version, "key-version", 0, "only this `VERSION` (default: all that is suspended)")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Resuming the key", c.ResumeKey, &vaultdv1.ResumeKeyRequest{Name: name, Version: version})
		if err != nil {
			return err
		}
		return a.print.Key(r.GetKey())
	})
	return cmd
}

func (a *app) keyUpdate() *cobra.Command {
	var version, oldest uint32
	var notBefore, expires, processUntil parse.Moment
	var every parse.Lifetime
	var labels, without []string
	cmd := &cobra.Command{
		Use:   "update KEY",
		Short: "Change the periods and labels of a key",
		Long: strings.TrimSpace(`
Change when a version becomes active, when it expires, until when it opens old
data, which is the oldest version that opens anything, and the labels. Times
are now, none, 30d (from now), 2027-01-31 or 2027-01-31T12:00:00Z.

An expired version can be extended and is then active again. A signing key can
not: when it expires its private half is destroyed (NIST SP 800-57), and only
the public half is left to verify. Extend it before, or rotate it.`),
		Example: example(`
vaultctl key update session --expires 30d
vaultctl key update next --not-before now
vaultctl key update backup --min-decrypt-version 3
vaultctl key update mail --rotate-every 30d
vaultctl key update backup --label env=prod --remove-label team`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	f := cmd.Flags()
	f.Uint32Var(&version, "key-version", 0, "the `VERSION` whose times change (default: the current one; the newest for --not-before)")
	f.Var(&notBefore, "not-before", "active from then on; only of a version that is not active yet")
	f.Var(&expires, "expires", "protects nothing from then on")
	f.Var(&processUntil, "process-until", "opens nothing from then on")
	f.Uint32Var(&oldest, "min-decrypt-version", 0, "the oldest `VERSION` that opens anything; see also 'key trim'")
	f.Var(&every, "rotate-every", "add a version by itself so often, at least 1h; none ends it")
	f.StringArrayVar(&labels, "label", nil, "set the label `NAME=VALUE` (repeatable)")
	f.StringArrayVar(&without, "remove-label", nil, "remove the label `NAME` (repeatable)")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		if notBefore.None() {
			return fault.E(fault.CodeUsage, "--not-before takes a time").WithHint("say now")
		}
		set, err := parse.Labels(labels)
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Changing the key", c.UpdateKey, &vaultdv1.UpdateKeyRequest{
			Name: name, Version: version, NotBefore: notBefore.Proto(), Expires: expires.Proto(), NoExpiry: expires.None(),
			ProcessUntil: processUntil.Proto(), NoProcessUntil: processUntil.None(), MinDecryptVersion: oldest,
			RotateEvery: every.Proto(), NoRotation: every.NoExpiry(),
			SetLabels: set, RemoveLabels: without,
		})
		if err != nil {
			return err
		}
		return a.print.Key(r.GetKey())
	})
	return cmd
}

func (a *app) keyCancelDestruction() *cobra.Command {
	var version uint32
	cmd := &cobra.Command{
		Use:   "cancel-destruction KEY",
		Short: "Keep a key that is to be destroyed",
		Long: strings.TrimSpace(`
Call off what 'key destroy --after' set, until its time. The key is then
suspended: 'key resume' puts it to use again.`),
		Example:           example("vaultctl key cancel-destruction backup"),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	cmd.Flags().Uint32Var(&version, "key-version", 0, "the destruction of this `VERSION` (default: of the whole key)")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Keeping the key", c.CancelDestruction, &vaultdv1.CancelDestructionRequest{Name: name, Version: version})
		if err != nil {
			return err
		}
		return a.print.Key(r.GetKey())
	})
	return cmd
}

func (a *app) keyTrim() *cobra.Command {
	var yes bool
	var reason string
	cmd := &cobra.Command{
		Use:   "trim KEY",
		Short: "Destroy the versions that open nothing any more",
		Long: strings.TrimSpace(`
Destroy every version below the key's min-decrypt-version for good. What they
protected can never be read again. Set that version first, with 'key update',
and see that nothing breaks: until the trim it can be lowered again.

On a terminal you are asked to type the key's name; elsewhere, give --yes.`),
		Example: example(`
vaultctl key update backup --min-decrypt-version 3
vaultctl key trim backup --yes`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, a `TEXT`; kept in the revocation list")
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		if !yes {
			what := fmt.Sprintf("This destroys old versions of %s. What they protected can never be read again.", name)
			if err := a.ask.Confirm(ctx, what, name, "--yes"); err != nil {
				return err
			}
		}
		r, err := call(ctx, a, "Destroying versions", c.TrimKey, &vaultdv1.TrimKeyRequest{Name: name, Reason: reason})
		if err != nil {
			return err
		}
		return a.print.Key(r.GetKey())
	})
	return cmd
}
