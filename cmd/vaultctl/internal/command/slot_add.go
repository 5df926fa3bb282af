package command

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	"github.com/vaultd/vaultd/internal/keyfile"
	"github.com/vaultd/vaultd/internal/secret"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

func (a *app) slotAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Add a way to open the vault",
		Long: strings.TrimSpace(`
Add a key slot. The vault must be unsealed, and the secret of a slot that there is
is asked for: a password, unless --recovery, --with-shares or --key-file say
otherwise.`),
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.slotAddPassword(), a.slotAddKeyFile(), a.slotAddCredential(), a.slotAddTPM(), a.slotAddRecovery(), a.slotAddShares())
	return cmd
}

// adding is what every command that adds a slot has.
type adding struct {
	app  *app
	name string
	with *opener
}

func (a *app) addingFlags(cmd *cobra.Command) *adding {
	d := &adding{app: a}
	cmd.Flags().StringVar(&d.name, "name", "", "`NAME` of the slot (default: its kind, with a number where that is taken)")
	d.with = openerFlags(cmd)
	d.with.sharesFlags(cmd)
	return d
}

// add makes the slot.
func (d *adding) add(ctx context.Context, c *client.Client, o *opening, r *vaultdv1.AddSlotRequest) (*vaultdv1.KeySlot, error) {
	r.With, r.Name = o.message, d.name
	resp, err := call(ctx, d.app, "Adding the key slot", c.AddSlot, r)
	for _, w := range resp.GetWarnings() {
		d.app.print.Warn("%s", w)
	}
	return resp.GetSlot(), err
}

// added prints the slot.
func (a *app) added(s *vaultdv1.KeySlot, next func(t *render.Table)) error {
	return a.print.Object(viewSlot(s), func(t *render.Table) {
		t.Line("The key slot %s is added.", s.GetName())
		if next != nil {
			next(t)
		}
	})
}

func (a *app) slotAddPassword() *cobra.Command {
	var iterations uint32
	cmd := &cobra.Command{
		Use:   "password",
		Short: "Add a password",
		Long: strings.TrimSpace(`
Add a password, such as one for each administrator. A vault has up to four. Each
opens it with 'vaultctl unseal', and 'vaultctl password change' changes the one
that is typed.`),
		Example: example(`
vaultctl slot add password --name alice
vaultctl slot add password --recovery
vaultctl slot add password --password-file ./old --new-password-file ./new`),
		Args: takes(),
	}
	adding := a.addingFlags(cmd)
	fresh := secretFlags(cmd, "new password")
	cmd.Flags().Uint32Var(&iterations, "iterations", 0, "`N` PBKDF2 iterations, at least 600000; 0 measures this machine")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		if err := a.claimSources(*fresh); err != nil {
			return err
		}
		o, err := adding.with.open(ctx, a, c)
		if err != nil {
			return err
		}
		defer o.done()
		s, err := a.ask.New(ctx, *fresh)
		if err != nil {
			return err
		}
		defer s.Wipe()
		slot, err := adding.add(ctx, c, o, &vaultdv1.AddSlotRequest{
			Kind: vaultdv1.SlotKind_SLOT_KIND_PASSWORD, Secret: s.Bytes(), Iterations: iterations,
		})
		if err != nil {
			return err
		}
		return a.added(slot, nil)
	})
	return cmd
}

func (a *app) slotAddKeyFile() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key-file PATH",
		Short: "Add a key file, which the daemon reads when it starts",
		Long: strings.TrimSpace(`
Make a key file of 32 random bytes and add a key slot that opens with it. The file
must not be there yet. It has mode 0400; when root makes it, it belongs to the
daemon's user. To have the daemon open the vault by itself, name the file in its
configuration: [unseal] key_file.

Whoever has the file and the store has the keys: it protects a copy of the store,
such as a backup, only where the file is not copied along, and a stolen disk only
where it is on another one.`),
		Example: example(`
vaultctl slot add key-file /etc/vaultd/unseal.key
vaultctl slot add key-file /media/stick/vault.key --name stick
vaultctl unseal --key-file /media/stick/vault.key`),
		Args: takes("PATH"),
	}
	adding := a.addingFlags(cmd)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		path, err := filepath.Abs(args[0])
		if err != nil {
			return fault.E(fault.CodeBadArgument, "%v", err)
		}
		daemon, err := call(ctx, a, "Asking the daemon", c.ListSlots, &vaultdv1.ListSlotsRequest{})
		if err != nil {
			return err
		}
		o, err := adding.with.open(ctx, a, c)
		if err != nil {
			return err
		}
		defer o.done()
		owner := os.Geteuid()
		if owner == 0 {
			owner = int(daemon.GetDaemonUid())
		}
		key, err := keyfile.Create(path, owner)
		if err != nil {
			return fault.E(fault.CodeBadArgument, "the key file was not made: %v", err)
		}
		defer key.Wipe()
		slot, err := adding.add(ctx, c, o, &vaultdv1.AddSlotRequest{Kind: vaultdv1.SlotKind_SLOT_KIND_KEY_FILE, Secret: key.Bytes()})
		if err != nil {
			_ = os.Remove(path) // it opens nothing, or what 'slot list' shows and nobody needs
			return err
		}
		if owner != -1 && owner != int(daemon.GetDaemonUid()) {
			a.print.Warn("the file is yours, and the daemon (user %d) can't read it: it opens the vault by 'vaultctl unseal --key-file' alone", daemon.GetDaemonUid())
		}
		return a.added(slot, func(t *render.Table) {
			t.Field("File", path)
			if daemon.GetKeyFile() != path {
				t.Line("To have the daemon use it: key_file = %q in section [unseal] of vaultd.toml.", path)
			}
		})
	})
	return cmd
}

func (a *app) slotAddCredential() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "credential",
		Short: "Add a credential that systemd hands to the daemon",
		Long: strings.TrimSpace(`
Make a secret of 32 random bytes, add a key slot that opens with it, and write the
secret to standard output for systemd-creds, which encrypts it with the machine's
TPM, or a key that only root can read where there is none. The service finds it as
the credential vaultd.unseal, when it starts, and opens the vault.

Standard output must not be a terminal. The secret is shown once; if it was lost
on the way, remove the slot and add another.`),
		Example: example(`
cd /etc/credstore.encrypted
vaultctl slot add credential | systemd-creds encrypt --name=vaultd.unseal - vaultd.unseal
vaultctl slot add credential --name host-key --password-file ./password > ./secret`),
		Args: takes(),
	}
	adding := a.addingFlags(cmd)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		switch {
		case a.print.JSON:
			return fault.E(fault.CodeUsage, "standard output is for the secret, so there is no JSON")
		case render.IsTerminal(a.stdout):
			return fault.E(fault.CodeUsage, "the secret is not for a terminal").
				WithHint("'vaultctl slot add credential --help' shows where it goes")
		}
		o, err := adding.with.open(ctx, a, c)
		if err != nil {
			return err
		}
		defer o.done()
		s, err := secret.Read(rand.Reader, keyfile.Size)
		if err != nil {
			return err
		}
		defer s.Wipe()
		slot, err := adding.add(ctx, c, o, &vaultdv1.AddSlotRequest{Kind: vaultdv1.SlotKind_SLOT_KIND_CREDENTIAL, Secret: s.Bytes()})
		if err != nil {
			return err
		}
		if _, err := a.stdout.Write(s.Bytes()); err != nil {
			return fmt.Errorf("the key slot %s is added, but its secret could not be written; remove it: %w", slot.GetName(), err)
		}
		a.print.Note("The key slot %s is added.", slot.GetName())
		return nil
	})
	return cmd
}
