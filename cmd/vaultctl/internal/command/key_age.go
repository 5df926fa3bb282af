package command

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/agefile"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

func (a *app) keyAge() *cobra.Command {
	var native bool
	cmd := &cobra.Command{
		Use:   "age KEY",
		Short: "Print what the age program calls a key",
		Long: strings.TrimSpace(`
Print the recipient and the identity that stand for a key in the age program
(https://age-encryption.org), which then asks the daemon through its plugin
age-plugin-vaultd. Neither is a secret: they are the key's name in another
spelling, and the daemon decides who may use it, as ever.

--native prints the public key of an x25519 key as age writes it, age1…: what
others encrypt to it needs no plugin, and 'vaultctl decrypt KEY' opens it.`),
		Example: example(`
vaultctl key age backup
vaultctl key age dh --native > dh.recipient   # for 'age -R', on any machine
vaultctl key age backup -o json`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	cmd.Flags().BoolVar(&native, "native", false, "the public key itself, of an x25519 key")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		if native {
			public, err := call(ctx, a, "Reading the public key", c.PublicKey, &vaultdv1.PublicKeyRequest{
				Name: name, Format: vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_DER,
			})
			if err != nil {
				return err
			}
			recipient, err := agefile.PublicRecipient(public.GetPublicKey())
			if err != nil {
				return err
			}
			return a.print.Object(struct {
				Key       string `json:"key"`
				Version   uint32 `json:"version"`
				Recipient string `json:"recipient"`
			}{name, public.GetVersion(), recipient}, table(recipient))
		}
		if _, err := call(ctx, a, "Looking at the key", c.ShowKey, &vaultdv1.ShowKeyRequest{Name: name}); err != nil {
			return err
		}
		recipient, identity := agefile.Names(name)
		return a.print.Object(struct {
			Key       string `json:"key"`
			Recipient string `json:"recipient"`
			Identity  string `json:"identity"`
		}{name, recipient, identity}, table("# recipient: "+recipient, identity))
	})
	return cmd
}

func table(lines ...string) func(*render.Table) {
	return func(w *render.Table) {
		for _, l := range lines {
			w.Line("%s", l)
		}
	}
}
