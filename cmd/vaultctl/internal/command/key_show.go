package command

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

func (a *app) keyShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show KEY",
		Short: "Show a key with all its versions",
		Long: strings.TrimSpace(`
Show what the vault knows of a key: type, state, operations, labels, versions
with fingerprints and expiry. It never shows private material.

A fingerprint is SHA-256 over the public key (SubjectPublicKeyInfo in DER), as
OpenSSH writes it, or for a symmetric key over the key itself in a form that
can't be turned around.`),
		Example:           example("vaultctl key show session\nvaultctl key show session -o json | jq -r .fingerprint"),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Reading the key", c.ShowKey, &vaultdv1.ShowKeyRequest{Name: name})
		if err != nil {
			return err
		}
		return a.print.Key(r.GetKey())
	})
	return cmd
}

func (a *app) keyList() *cobra.Command {
	var owner string
	var search keySearch
	var all bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List keys",
		Long: strings.TrimSpace(`
List your keys, or those of another owner if you may see them. Administrators
see every owner's. A key that another may see and you may not is not listed.

What is given narrows the list, and all of it has to be so. --label takes
NAME=VALUE, NAME for any value, and NAME!=VALUE for keys that do not have it.`),
		Example: example(`
vaultctl key list
vaultctl key list --name 'invoices-*' --state active --expiring-within 7d
vaultctl key list --owner alice --label env=prod
vaultctl key list --all -o json | jq -r '.keys[].name'`),
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVar(&owner, "owner", "", "only keys of this `OWNER`")
	search.flags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "destroyed keys too")
	mustCompleteBy(cmd, "owner", a.completeOwner)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		request := &vaultdv1.ListKeysRequest{Owner: owner, IncludeDestroyed: all, PageSize: pageSize}
		if err := search.fill(request); err != nil {
			return err
		}
		var keys []*vaultdv1.Key
		for {
			r, err := call(ctx, a, "Listing", c.ListKeys, request)
			if err != nil {
				return err
			}
			keys = append(keys, r.GetKeys()...)
			if request.PageToken = r.GetNextPageToken(); request.PageToken == "" {
				return a.print.KeyList(keys)
			}
		}
	})
	return cmd
}

// pageSize is what lists ask for at a time.
const pageSize = 500
