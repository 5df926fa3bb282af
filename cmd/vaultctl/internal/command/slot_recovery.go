package command

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/prompt"
	"github.com/vaultd/vaultd/crypto/bip39"
	"github.com/vaultd/vaultd/internal/keyfile"
	"github.com/vaultd/vaultd/internal/secret"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

func (a *app) slotAddRecovery() *cobra.Command {
	var toOutput bool
	cmd := &cobra.Command{
		Use:   "recovery",
		Short: "Add recovery words, to be written on paper",
		Long: strings.TrimSpace(`
Make 24 words that open the vault when the password is forgotten, and show them on
the terminal, once. Write them down, and keep the paper where you keep what nobody
may find. Two of them have to be typed back; if they are not, the key slot is
removed again.

'vaultctl unseal --recovery' takes them, in any case and spacing. The last one has
a checksum, so that a slip of the pen is told before anything is tried.`),
		Example: example(`
vaultctl slot add recovery
vaultctl unseal --recovery
vaultctl slot add password --recovery --name fresh
vaultctl slot add recovery --print --password-file ./password | lp`),
		Args: takes(),
	}
	adding := a.addingFlags(cmd)
	cmd.Flags().BoolVar(&toOutput, "print", false, "write the words to standard output, and ask for none of them")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		if !toOutput && !prompt.HasTerminal() {
			return fault.E(fault.CodeUsage, "there is no terminal to show the words on").WithHint("--print writes them to standard output")
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
		words, err := bip39.Encode(s.Bytes())
		if err != nil {
			return err
		}
		defer secret.Wipe(words)
		slot, err := adding.add(ctx, c, o, &vaultdv1.AddSlotRequest{Kind: vaultdv1.SlotKind_SLOT_KIND_RECOVERY, Secret: s.Bytes()})
		if err != nil {
			return err
		}
		if toOutput {
			return a.printWords(slot, words)
		}
		if err := a.ask.Keep(ctx, words); err != nil {
			return a.takeBack(c, o, slot, err)
		}
		return a.added(slot, nil)
	})
	return cmd
}

// printWords writes the words on a line of their own, for a printer or a program.
func (a *app) printWords(slot *vaultdv1.KeySlot, words []byte) error {
	if a.print.JSON {
		return a.print.Object(struct {
			slotView
			Words []string `json:"words"`
		}{viewSlot(slot), strings.Fields(string(words))}, nil) //nolint:gocritic // it was asked for
	}
	if _, err := a.stdout.Write(append(words[:len(words):len(words)], '\n')); err != nil {
		return err
	}
	a.print.Note("The key slot %s is added.", slot.GetName())
	return nil
}

// takeBack removes a slot whose secret nobody has.
func (a *app) takeBack(c *client.Client, o *opening, slot *vaultdv1.KeySlot, why error) error {
	ctx, cancel := context.WithTimeout(context.Background(), max(a.timeout, time.Minute)) // the user may have interrupted
	defer cancel()
	if _, err := once(ctx, a, "Removing the key slot", c.RemoveSlot, &vaultdv1.RemoveSlotRequest{With: o.message, Slot: slotID(slot)}); err != nil {
		a.print.Warn("the key slot %s is still there, and nobody has its secret; remove it", slot.GetName())
	}
	return why
}
