package command

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

func (a *app) owner() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "owner",
		Short: "Create, show, revoke and reinstate owners",
		Long: strings.TrimSpace(`
An owner is who keys belong to. Every user of the machine is one as soon as it
makes a key; administrators can create owners that are no user.`),
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.ownerCreate(), a.ownerList(), a.ownerShow(), a.ownerRevoke(), a.ownerReinstate())
	return cmd
}

func (a *app) ownerCreate() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "create OWNER",
		Short:   "Create an owner that is no user of this machine",
		Long:    "Create an owner, for administrators. Only they can act for one that is no user of this machine.",
		Example: example("vaultctl owner create billing\nvaultctl key create billing/invoices --type rsa-3072"),
		Args:    takes("OWNER"),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		r, err := call(ctx, a, "Creating the owner", c.CreateOwner, &vaultdv1.CreateOwnerRequest{Name: args[0]})
		if err != nil {
			return err
		}
		return a.print.Owner(r.GetOwner())
	})
	return cmd
}

func (a *app) ownerList() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List owners",
		Long:    "List the owners that you may see, revoked ones included.",
		Example: example("vaultctl owner list"),
		Args:    takes(),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		request := &vaultdv1.ListOwnersRequest{PageSize: pageSize}
		var owners []*vaultdv1.Owner
		for {
			r, err := call(ctx, a, "Listing", c.ListOwners, request)
			if err != nil {
				return err
			}
			owners = append(owners, r.GetOwners()...)
			if request.PageToken = r.GetNextPageToken(); request.PageToken == "" {
				return a.print.OwnerList(owners)
			}
		}
	})
	return cmd
}

func (a *app) ownerShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "show OWNER",
		Short:             "Show an owner",
		Long:              "Show an owner: since when there is one, how many keys it has, and whether and why it is revoked.",
		Example:           example("vaultctl owner show alice"),
		Args:              takes("OWNER"),
		ValidArgsFunction: a.completeOwner,
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		r, err := call(ctx, a, "Reading the owner", c.ShowOwner, &vaultdv1.ShowOwnerRequest{Name: args[0]})
		if err != nil {
			return err
		}
		return a.print.Owner(r.GetOwner())
	})
	return cmd
}

func (a *app) ownerRevoke() *cobra.Command {
	var reason string
	var yes bool
	cmd := &cobra.Command{
		Use:   "revoke OWNER",
		Short: "Destroy all keys of an owner, and let it have no more",
		Long: strings.TrimSpace(`
Revoke an owner: all its keys are destroyed in one step, and it gets no new
ones, no retrieval and no exchange until it is reinstated. The revocation is
remembered for good, with the fingerprints of what was destroyed.

On a terminal you are asked to type the owner's name; elsewhere, give --yes.`),
		Example:           example(`vaultctl owner revoke bob --reason "left the team"`),
		Args:              takes("OWNER"),
		ValidArgsFunction: a.completeOwner,
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, a `TEXT`; kept in the revocation list")
	cmd.Flags().BoolVar(&yes, "yes", false, "don't ask")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		if !yes {
			what := fmt.Sprintf("This destroys all keys of %s. What they protected can never be read again.", args[0])
			if err := a.ask.Confirm(ctx, what, args[0], "--yes"); err != nil {
				return err
			}
		}
		r, err := call(ctx, a, "Revoking the owner", c.RevokeOwner,
			&vaultdv1.RevokeOwnerRequest{Name: args[0], Reason: reason})
		if err != nil {
			return err
		}
		return a.print.RevokedOwner(r.GetOwner(), r.GetKeysDestroyed())
	})
	return cmd
}

func (a *app) ownerReinstate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reinstate OWNER",
		Short: "Let a revoked owner have keys again",
		Long: strings.TrimSpace(`
Reinstate a revoked owner: it may have new keys. Those that the revocation
destroyed stay destroyed, and their names stay taken.`),
		Example:           example("vaultctl owner reinstate bob"),
		Args:              takes("OWNER"),
		ValidArgsFunction: a.completeOwner,
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		r, err := call(ctx, a, "Reinstating the owner", c.ReinstateOwner, &vaultdv1.ReinstateOwnerRequest{Name: args[0]})
		if err != nil {
			return err
		}
		return a.print.Owner(r.GetOwner())
	})
	return cmd
}
