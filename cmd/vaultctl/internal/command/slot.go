package command

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

func (a *app) slot() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "slot",
		Short: "Add, list and remove ways to open the vault",
		Long: strings.TrimSpace(`
A vault opens with any of its key slots: passwords, a key file, a credential of
systemd, the machine's TPM, recovery words, shares of several people. Each holds
the same root key under a secret of its own, and none is weakened by the others,
though a thief needs only one of them. Adding or removing one touches no key and
takes the secret of another slot.`),
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.slotAdd(), a.slotList(), a.slotRemove())
	return cmd
}

// slotView is a key slot as JSON shows it.
type slotView struct {
	ID         uint32     `json:"id"`
	Kind       string     `json:"kind"`
	Name       string     `json:"name"`
	Created    *time.Time `json:"created,omitempty"` // absent for the slot of 'vaultctl init'
	KDF        string     `json:"kdf"`
	Iterations uint32     `json:"kdf_iterations,omitempty"`
	Automatic  bool       `json:"automatic"`        // the daemon opens the vault with it by itself
	Detail     string     `json:"detail,omitempty"` // "3 of 5 shares", "PCR 7, PIN"
}

func viewSlot(s *vaultdv1.KeySlot) slotView {
	return slotView{
		ID: s.GetId(), Kind: kindName(s.GetKind()), Name: s.GetName(), Created: timeOf(s.GetCreated()),
		KDF: s.GetKdf(), Iterations: s.GetIterations(), Automatic: s.GetAutomatic(), Detail: s.GetDetail(),
	}
}

// kindName is the kind as people write it: "key-file".
func kindName(k vaultdv1.SlotKind) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(k.String(), "SLOT_KIND_"), "_", "-"))
}

func slotID(s *vaultdv1.KeySlot) string { return strconv.FormatUint(uint64(s.GetId()), 10) }

func (a *app) slotList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the ways to open the vault",
		Long: strings.TrimSpace(`
List the key slots, of a sealed vault too: what each opens with, and whether the
daemon opens the vault with it by itself when it starts. The time is when its
present secret was set; that of 'vaultctl init' is not known.`),
		Example: example(`
vaultctl slot list
vaultctl slot list -o json | jq -r '.slots[] | select(.automatic).name'`),
		Args: takes(),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		r, err := call(ctx, a, "Listing", c.ListSlots, &vaultdv1.ListSlotsRequest{})
		if err != nil {
			return err
		}
		views := []slotView{}
		for _, s := range r.GetSlots() {
			views = append(views, viewSlot(s))
		}
		return a.print.Object(struct {
			Slots []slotView `json:"slots"`
		}{views}, func(t *render.Table) {
			t.Row("ID", "KIND", "NAME", "CREATED", "BY ITSELF", "DETAIL")
			for _, s := range r.GetSlots() {
				created := a.print.When(s.GetCreated())
				if s.GetCreated() == nil {
					created = "-"
				}
				t.Row(slotID(s), kindName(s.GetKind()), s.GetName(), created, map[bool]string{true: "yes", false: "no"}[s.GetAutomatic()], s.GetDetail())
			}
		})
	})
	return cmd
}

func (a *app) slotRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "remove SLOT",
		Short: "Remove a way to open the vault",
		Long: strings.TrimSpace(`
Remove a key slot, by its id or name. That takes the secret of another one, which
shows that the vault still opens: a password, unless --recovery, --with-shares or
--key-file say otherwise. The last slot that people can open, a password, recovery words or
shares, stays.

The secret of a removed slot opens copies of the vault from before. Where that
matters, such as after a theft, restore from no older backup, and make new keys.`),
		Example: example(`
vaultctl slot remove key-file
vaultctl slot remove 7 --recovery
vaultctl slot remove password --key-file /etc/vaultd/unseal.key`),
		Args:              takes("SLOT"),
		ValidArgsFunction: a.completeSlot,
	}
	with := openerFlags(cmd)
	with.sharesFlags(cmd)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		o, err := with.open(ctx, a, c)
		if err != nil {
			return err
		}
		defer o.done()
		r, err := call(ctx, a, "Removing the key slot", c.RemoveSlot, &vaultdv1.RemoveSlotRequest{With: o.message, Slot: args[0]})
		if err != nil {
			return err
		}
		return a.print.Object(viewSlot(r.GetSlot()), func(t *render.Table) {
			t.Line("The key slot %s is removed.", r.GetSlot().GetName())
		})
	})
	return cmd
}

// completeSlot completes names of key slots.
func (a *app) completeSlot(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	a.glance(func(ctx context.Context, c *client.Client) {
		if r, err := c.ListSlots(ctx, &vaultdv1.ListSlotsRequest{}); err == nil && len(args) == 0 {
			for _, s := range r.GetSlots() {
				names = append(names, s.GetName()+"\t"+kindName(s.GetKind()))
			}
		}
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}
