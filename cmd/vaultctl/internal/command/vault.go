package command

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

func (a *app) init() *cobra.Command {
	var iterations uint32
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Create the vault and set its password",
		Long: strings.TrimSpace(`
Create the vault and leave it unsealed. The password protects everything in it;
there is no other way in until 'vaultctl slot add' makes one, so keep it safe.

The password is stretched by PBKDF2-HMAC-SHA-256. The number of iterations is
chosen so that an unseal takes about half a second, and is never under 600,000.`),
		Example: example(`
vaultctl init
vaultctl init --password-file ./password
pass show vault | vaultctl init --password-file -`),
		Args: takes(),
	}
	password := secretFlags(cmd, "password")
	cmd.Flags().Uint32Var(&iterations, "iterations", 0, "`N` PBKDF2 iterations, at least 600000; 0 measures this machine")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		status, err := a.statusOf(ctx, c)
		if err != nil {
			return err
		}
		if status.GetInitialized() {
			return fault.E(fault.CodeInitialized, "there is a vault here already").WithHint("run 'vaultctl unseal'")
		}
		if err := a.claimSources(*password); err != nil {
			return err
		}
		secret, err := a.ask.New(ctx, *password)
		if err != nil {
			return err
		}
		defer secret.Wipe()
		r, err := call(ctx, a, "Creating the vault", c.Init,
			&vaultdv1.InitRequest{Password: secret.Bytes(), Iterations: iterations})
		if err != nil {
			return err
		}
		return a.print.Object(struct {
			VaultID    string `json:"vault_id"`
			Iterations uint32 `json:"kdf_iterations"`
		}{r.GetVaultId(), r.GetIterations()}, func(t *render.Table) {
			t.Line("The vault is created and unsealed.")
			t.Field("Vault id", r.GetVaultId())
			t.Field("Iterations", grouped(uint64(r.GetIterations())))
		})
	})
	return cmd
}

func (a *app) unseal() *cobra.Command {
	var acceptRollback, byAgent bool
	cmd := &cobra.Command{
		Use:   "unseal",
		Short: "Unlock the vault with a password or another of its slots",
		Long: strings.TrimSpace(`
Unlock the vault, so that its keys can be used until it is sealed or the daemon
ends. Any of its passwords does, or what --recovery or --key-file say; 'vaultctl
slot list' shows the ways that there are. Wrong passwords are slowed down. With
--slot and a TPM slot, the daemon asks the TPM, and you are asked for its PIN.

With --share, several people open the vault together. Each enters a share, in any
order, from wherever they are logged in, and the last one that it takes unseals the
vault. The daemon keeps what was entered for 15 minutes; 'vaultctl status' shows how
far they are, and --share --reset makes it forget. A share counts once, but
nobody is kept from entering several.

With --by-agent the password is asked for through systemd, as that of an encrypted
disk is: at the console while the machine boots, or by 'systemd-tty-ask-password-agent'.
It is asked for until the vault is open, by whomever. Root alone can ask that way.
With --slot and a TPM slot, its PIN is asked for.

A store that is older than it should be (a restored disk or backup) is refused
with store_rolled_back: keys revoked since could be back. An administrator who
knows why it is older accepts it with --accept-rollback.`),
		Example: example(`
vaultctl unseal
vaultctl unseal --password-file ./password
vaultctl unseal --password-fd 3 3< ./password
vaultctl unseal --recovery
vaultctl unseal --key-file /media/stick/vault.key
vaultctl unseal --slot tpm
vaultctl unseal --share
vaultctl unseal --share-file /media/stick/share-2-of-5.txt`),
		Args: takes(),
	}
	with := openerFlags(cmd)
	with.pin = pinFlags(cmd, "PIN")
	share := shareFlags(cmd)
	cmd.Flags().StringVar(&with.slot, "slot", "", "open this key `SLOT`, by id or name, and try no other")
	mustCompleteBy(cmd, "slot", a.completeSlot)
	cmd.Flags().BoolVar(&byAgent, "by-agent", false, "ask for the password through systemd-ask-password")
	cmd.MarkFlagsMutuallyExclusive("by-agent", "recovery")
	cmd.MarkFlagsMutuallyExclusive("by-agent", "key-file")
	cmd.MarkFlagsMutuallyExclusive("by-agent", "password-file")
	cmd.MarkFlagsMutuallyExclusive("by-agent", "share")
	cmd.Flags().BoolVar(&acceptRollback, "accept-rollback", false, "take a store that is older than its anchor says")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		switch {
		case share.reset && !share.asked:
			return fault.E(fault.CodeUsage, "--reset is for shares").WithHint("add --share")
		case share.reset:
			return a.resetShares(ctx, c)
		}
		status, err := a.statusOf(ctx, c)
		if err != nil {
			return err
		}
		switch {
		case !status.GetInitialized():
			return fault.ErrNotInitialized
		case !status.GetSealed():
			return a.unsealed("The vault is unsealed already.", nil)
		}
		if share.given() {
			return a.enterShare(ctx, c, share, acceptRollback)
		}
		if byAgent {
			return a.unsealByAgent(ctx, c, with, acceptRollback)
		}
		o, err := with.open(ctx, a, c)
		if err != nil {
			return err
		}
		defer o.done()
		r, err := call(ctx, a, "Unsealing", c.Unseal, &vaultdv1.UnsealRequest{With: o.message, AcceptRollback: acceptRollback})
		if err != nil {
			return err
		}
		return a.unsealed("The vault is unsealed.", r.GetWarnings())
	})
	return cmd
}

func (a *app) unsealed(said string, warnings []string) error {
	for _, w := range warnings {
		a.print.Warn("%s", w)
	}
	return a.print.Object(struct {
		Sealed   bool     `json:"sealed"`
		Warnings []string `json:"warnings"`
	}{false, append([]string{}, warnings...)}, func(t *render.Table) { t.Line("%s", said) })
}

func (a *app) seal() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "seal",
		Short: "Lock the vault and forget every key in memory",
		Long: strings.TrimSpace(`
Lock the vault: the daemon wipes the root key and all keys from its memory and
closes the store. Every use of a key answers 'sealed' until the next unseal.
Sealing a sealed vault makes it stay sealed until somebody unseals it, and forgets
the shares that were entered.`),
		Example: example("vaultctl seal"),
		Args:    takes(),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		if _, err := call(ctx, a, "Sealing", c.Seal, &vaultdv1.SealRequest{}); err != nil {
			return err
		}
		return a.print.Object(struct {
			Sealed bool `json:"sealed"`
		}{true}, func(t *render.Table) { t.Line("The vault is sealed.") })
	})
	return cmd
}

func (a *app) password() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "password",
		Short: "Change the vault's password",
		Long:  "Change the vault's password. See 'vaultctl password change --help'.",
		Args:  cobra.ArbitraryArgs,
		RunE:  group,
	}
	cmd.AddCommand(a.passwordChange())
	return cmd
}

func (a *app) passwordChange() *cobra.Command {
	var (
		iterations uint32
		slot       string
	)
	cmd := &cobra.Command{
		Use:   "change",
		Short: "Set a new password; no key is touched",
		Long: strings.TrimSpace(`
Set a new password for the vault. Only the key slot in the header is written
anew; keys and ciphertexts stay as they are. Whatever interrupts the change, the
vault opens afterwards with exactly one of the two passwords. Of several
passwords, it is the one that is typed which changes.

Who has forgotten it and has recovery words, unseals with them and adds another
password: 'vaultctl slot add password --recovery'.`),
		Example: example(`
vaultctl password change
vaultctl password change --slot alice
vaultctl password change --old-password-file ./old --new-password-file ./new`),
		Args: takes(),
	}
	old := secretFlags(cmd, "old password")
	fresh := secretFlags(cmd, "new password")
	cmd.Flags().StringVar(&slot, "slot", "", "change the password of this key `SLOT`, by id or name (default: the one that the old password opens)")
	mustCompleteBy(cmd, "slot", a.completeSlot)
	cmd.Flags().Uint32Var(&iterations, "iterations", 0, "`N` PBKDF2 iterations, at least 600000; 0 measures this machine")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		if err := a.claimSources(*old, *fresh); err != nil {
			return err
		}
		oldSecret, err := a.ask.Existing(ctx, *old)
		if err != nil {
			return err
		}
		defer oldSecret.Wipe()
		newSecret, err := a.ask.New(ctx, *fresh)
		if err != nil {
			return err
		}
		defer newSecret.Wipe()
		r, err := call(ctx, a, "Changing the password", c.ChangePassword, &vaultdv1.ChangePasswordRequest{
			OldPassword: oldSecret.Bytes(), NewPassword: newSecret.Bytes(), Iterations: iterations, Slot: slot,
		})
		if err != nil {
			return err
		}
		return a.print.Object(struct {
			Iterations uint32 `json:"kdf_iterations"`
			Slot       string `json:"slot,omitempty"`
		}{r.GetIterations(), r.GetSlot().GetName()}, func(t *render.Table) {
			t.Line("The password is changed.")
			t.Field("Iterations", grouped(uint64(r.GetIterations())))
		})
	})
	return cmd
}
