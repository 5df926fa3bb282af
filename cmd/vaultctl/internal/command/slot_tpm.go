package command

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/prompt"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

// pinFlags adds the flags that say where a PIN comes from.
func pinFlags(cmd *cobra.Command, name string) *prompt.Source {
	s := secretFlags(cmd, strings.ToLower(name))
	s.Name = name
	return s
}

func (a *app) slotAddTPM() *cobra.Command {
	var pcrs []uint
	var askPIN bool
	cmd := &cobra.Command{
		Use:   "tpm",
		Short: "Add the machine's TPM 2.0, which opens the vault when it starts",
		Long: strings.TrimSpace(`
Add a key slot that this machine's TPM 2.0 opens, and no other. The daemon makes
its secret and has the TPM seal it, and opens the vault with it when it starts; with
--pin, 'vaultctl unseal --slot tpm' asks for the PIN. The TPM counts wrong PINs and
refuses all after too many.

The TPM opens it only while the PCRs hold what they hold now. PCR 7, which is taken
when none is named, changes when Secure Boot is switched or its keys and
revocation lists are updated; 0 to 3 change with firmware, 4, 8, 9 and 11 with
what is booted. After such a change unseal in another way, add the slot again and
remove the old one.

It protects a stolen disk and every copy of the store. It does not protect from who
boots this machine, as it is, and becomes root there; --pin does, until somebody
who knows the PIN unseals it.`),
		Example: example(`
vaultctl slot add tpm
vaultctl slot add tpm --pcrs 7,11
vaultctl slot add tpm --pin
vaultctl slot add tpm --name tpm-new && vaultctl slot remove tpm`),
		Args: takes(),
	}
	adding := a.addingFlags(cmd)
	cmd.Flags().UintSliceVar(&pcrs, "pcrs", []uint{7}, "`PCRs` of the SHA-256 bank that have to stay as they are, 0 to 15")
	cmd.Flags().BoolVar(&askPIN, "pin", false, "ask for a PIN of 4 to 64 bytes, without which the TPM refuses")
	pin := pinFlags(cmd, "PIN")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		if err := a.claimSources(*pin); err != nil {
			return err
		}
		binding := &vaultdv1.TPMBinding{}
		for _, p := range pcrs {
			binding.Pcrs = append(binding.Pcrs, uint32(min(p, 1<<10))) //nolint:gosec // bounded
		}
		o, err := adding.with.open(ctx, a, c)
		if err != nil {
			return err
		}
		defer o.done()
		if askPIN || pin.Given() {
			s, err := a.ask.New(ctx, *pin)
			if err != nil {
				return err
			}
			defer s.Wipe()
			binding.Pin = s.Bytes()
		}
		slot, err := adding.add(ctx, c, o, &vaultdv1.AddSlotRequest{Kind: vaultdv1.SlotKind_SLOT_KIND_TPM, Tpm: binding})
		if err != nil {
			return err
		}
		return a.added(slot, nil)
	})
	return cmd
}
