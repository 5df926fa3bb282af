package command

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

func (a *app) alias() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "alias",
		Short: "Give keys second names, and move those from key to key",
		Long: strings.TrimSpace(`
An alias is a second name of a key, which can be moved to another key of the
same owner in one step: programs that name the alias use the old key until then,
and the new one from then on. Wherever a command takes a KEY that there is, it
takes an alias.

What one may do is what one may do with the key that the alias points to.
Ciphertexts name their key and not the alias: decrypt without naming a key.`),
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.aliasSet(), a.aliasList(), a.aliasShow(), a.aliasRemove())
	return cmd
}

func (a *app) aliasSet() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "set ALIAS KEY",
		Short: "Make an alias, or move it to another key",
		Long: strings.TrimSpace(`
Point an alias to a key. An alias that there is already moves at once, for
everybody; there is no moment without it. A name is a key or an alias, never
both.`),
		Example: example(`
vaultctl alias set current invoices-2026
vaultctl encrypt current < report`),
		Args: takes("ALIAS", "KEY"),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		key, err := a.names.Key(args[1])
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Setting the alias", c.SetAlias, &vaultdv1.SetAliasRequest{Name: name, Key: key})
		if err != nil {
			return err
		}
		return a.print.SetAlias(r.GetAlias(), r.GetPrevious())
	})
	return cmd
}

func (a *app) aliasList() *cobra.Command {
	var owner, key string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List aliases",
		Long:  "List your aliases, or those of another owner if you may see them. Administrators see every owner's.",
		Example: example(`
vaultctl alias list
vaultctl alias list --key invoices-2026`),
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().StringVar(&owner, "owner", "", "only aliases of this `OWNER`")
	cmd.Flags().StringVar(&key, "key", "", "only aliases of this `KEY`")
	cmd.MarkFlagsMutuallyExclusive("owner", "key")
	mustCompleteBy(cmd, "owner", a.completeOwner)
	mustCompleteBy(cmd, "key", a.completeKeyFlag)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		request := &vaultdv1.ListAliasesRequest{Owner: owner, PageSize: pageSize}
		if key != "" {
			var err error
			if request.Key, err = a.names.Key(key); err != nil {
				return err
			}
		}
		var aliases []*vaultdv1.Alias
		for {
			r, err := call(ctx, a, "Listing", c.ListAliases, request)
			if err != nil {
				return err
			}
			aliases = append(aliases, r.GetAliases()...)
			if request.PageToken = r.GetNextPageToken(); request.PageToken == "" {
				return a.print.AliasList(aliases)
			}
		}
	})
	return cmd
}

func (a *app) aliasShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show ALIAS",
		Short:   "Show where an alias points",
		Long:    "Show which key an alias points to, and since when. 'vaultctl key show' with an alias shows that key.",
		Example: example("vaultctl alias show current"),
		Args:    takes("ALIAS"),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Reading the alias", c.ListAliases, &vaultdv1.ListAliasesRequest{Name: name})
		if err != nil {
			return err
		}
		for _, found := range r.GetAliases() {
			return a.print.Alias(found)
		}
		return nil
	})
	return cmd
}

func (a *app) aliasRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "remove ALIAS",
		Short: "Remove an alias and leave its key",
		Long: strings.TrimSpace(`
Remove an alias. The key stays as it is; who still names the alias is told that
there is no such key.`),
		Example: example("vaultctl alias remove current"),
		Args:    takes("ALIAS"),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Removing the alias", c.RemoveAlias, &vaultdv1.RemoveAliasRequest{Name: name})
		if err != nil {
			return err
		}
		return a.print.Alias(r.GetAlias())
	})
	return cmd
}
