package command

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

func (a *app) revocation() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revocation",
		Short: "List what is revoked, or check one thing",
		Long: strings.TrimSpace(`
What was revoked or destroyed is remembered for good, by name, id and
fingerprint, with when, by whom and why.`),
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.revocationList(), a.revocationCheck())
	return cmd
}

func (a *app) revocationList() *cobra.Command {
	var owner string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List revoked owners, and revoked and destroyed keys",
		Long:    "List revocations: your own, or for administrators everybody's or one owner's.",
		Example: example("vaultctl revocation list\nvaultctl revocation list --owner bob -o json"),
		Args:    takes(),
	}
	cmd.Flags().StringVar(&owner, "owner", "", "only what concerns this `OWNER`")
	mustCompleteBy(cmd, "owner", a.completeOwner)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		request := &vaultdv1.ListRevocationsRequest{Owner: owner, PageSize: pageSize}
		var list []*vaultdv1.Revocation
		for {
			r, err := call(ctx, a, "Listing", c.ListRevocations, request)
			if err != nil {
				return err
			}
			list = append(list, r.GetRevocations()...)
			if request.PageToken = r.GetNextPageToken(); request.PageToken == "" {
				return a.print.RevocationList(list)
			}
		}
	})
	return cmd
}

func (a *app) revocationCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check OWNER/KEY|KEY|OWNER|FINGERPRINT",
		Short: "Tell by the exit status whether something is revoked",
		Long: strings.TrimSpace(`
Check whether a key, an owner, or whatever has a fingerprint is revoked.

A word without a slash is a key of your own and an owner: it is revoked when
either is, and an error (3) when neither exists, so that a slip of the pen
never reads as "not revoked".

The exit status is 0 when it is not revoked and 5 when it is.`),
		Example: example(`
vaultctl revocation check alice/signer
vaultctl revocation check bob && echo welcome
vaultctl revocation check SHA256:…`),
		Args:              takes("SUBJECT"),
		ValidArgsFunction: a.completeOwner,
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		r, err := a.revoked(ctx, c, args[0])
		if err != nil {
			return err
		}
		if err := a.print.RevocationCheck(args[0], r); err != nil {
			return err
		}
		if r.GetRevoked() {
			return answered(fault.ClassState)
		}
		return nil
	})
	return cmd
}

// revoked asks about a subject as the user means it.
func (a *app) revoked(ctx context.Context, c *client.Client, subject string) (*vaultdv1.CheckRevocationResponse, error) {
	check := func(subject string) (*vaultdv1.CheckRevocationResponse, error) {
		return call(ctx, a, "Checking", c.CheckRevocation, &vaultdv1.CheckRevocationRequest{Subject: subject})
	}
	if strings.ContainsAny(subject, "/:") {
		return check(subject)
	}
	var key *vaultdv1.CheckRevocationResponse
	if name, err := a.names.Key(subject); err == nil {
		if _, err = c.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: name}); err == nil {
			key, err = check(name)
		}
		if err != nil && !errors.Is(err, fault.ErrKeyNotFound) {
			return nil, err
		}
	}
	if key.GetRevoked() {
		return key, nil
	}
	owner, err := check(subject)
	if err == nil && !owner.GetRevoked() {
		_, err = c.ShowOwner(ctx, &vaultdv1.ShowOwnerRequest{Name: subject})
	}
	if err != nil && key != nil { // the word is a key, then, and a known one
		return key, nil
	}
	return owner, err
}
