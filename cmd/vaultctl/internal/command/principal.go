package command

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

func (a *app) principal() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "principal",
		Short: "List accounts as they were bound, and adopt or retire them",
		Long: strings.TrimSpace(`
An account is bound by its uid, user name and machine when it first connects.
When it vanishes, has another name, or comes back under another uid, it is in
quarantine: it gets nothing until an administrator adopts it, because it is the
same user after all, or retires it, because that user is gone. So who is given a
used uid does not get its keys. These commands are for administrators.`),
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.principalList(), a.principalAdopt(), a.principalRetire())
	return cmd
}

// boundView is a principal as JSON shows it.
type boundView struct {
	UID        uint32     `json:"uid"`
	User       string     `json:"user"`
	Former     []string   `json:"former"`
	Machine    string     `json:"machine"`
	Generation uint64     `json:"generation"`
	State      string     `json:"state"` // "active", "changed", "retired"
	Since      *time.Time `json:"since"`
	Why        string     `json:"why,omitempty"`
	Account    string     `json:"account,omitempty"` // the name that the uid has now
}

func viewBound(p *vaultdv1.BoundPrincipal) boundView {
	return boundView{
		UID: p.GetUid(), User: p.GetUser(), Former: append([]string{}, p.GetFormer()...), Machine: p.GetMachine(),
		Generation: p.GetGeneration(), State: p.GetState(), Since: timeOf(p.GetSince()), Why: p.GetWhy(), Account: p.GetAccount(),
	}
}

func (a *app) boundFields(t *render.Table, p *vaultdv1.BoundPrincipal) {
	t.Field("Uid", uidText(p.GetUid()))
	t.Field("User", p.GetUser())
	t.Field("Former names", strings.Join(p.GetFormer(), " "))
	if p.GetAccount() != p.GetUser() {
		t.Field("Account now", p.GetAccount())
	}
	t.Field("State", p.GetState())
	t.Field("Since", a.print.When(p.GetSince()))
	t.Field("Why", p.GetWhy())
	t.Field("Generation", strconv.FormatUint(p.GetGeneration(), 10))
}

func uidText(uid uint32) string { return strconv.FormatUint(uint64(uid), 10) }

func (a *app) principalList() *cobra.Command {
	var changed bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List accounts as they were bound",
		Long: strings.TrimSpace(`
List the principals: each uid with the user name that it was bound to, the name
that it has now, and whether it is active, changed (in quarantine) or retired.`),
		Example: example(`
vaultctl principal list
vaultctl principal list --changed
vaultctl principal list --changed -o json | jq -r '.principals[].uid'`),
		Args: takes(),
	}
	cmd.Flags().BoolVar(&changed, "changed", false, "only those in quarantine")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		all, err := a.principals(ctx, c, changed)
		if err != nil {
			return err
		}
		views := make([]boundView, len(all))
		for i, p := range all {
			views[i] = viewBound(p)
		}
		return a.print.Object(struct {
			Principals []boundView `json:"principals"`
		}{views}, func(t *render.Table) {
			t.Row("UID", "USER", "ACCOUNT NOW", "STATE", "SINCE", "WHY")
			for _, p := range all {
				account := p.GetAccount()
				if account == "" {
					account = "-"
				}
				t.Row(uidText(p.GetUid()), p.GetUser(), account, p.GetState(), a.print.When(p.GetSince()), p.GetWhy())
			}
		})
	})
	return cmd
}

// principals are all of them, page by page.
func (a *app) principals(ctx context.Context, c *client.Client, changed bool) ([]*vaultdv1.BoundPrincipal, error) {
	request := &vaultdv1.ListPrincipalsRequest{Changed: changed, PageSize: pageSize}
	var all []*vaultdv1.BoundPrincipal
	for {
		r, err := call(ctx, a, "Listing", c.ListPrincipals, request)
		if err != nil {
			return nil, err
		}
		all = append(all, r.GetPrincipals()...)
		if request.PageToken = r.GetNextPageToken(); request.PageToken == "" {
			return all, nil
		}
	}
}

// principalUID is the uid that an administrator means: a number, or a name that
// one principal has, as it was bound or as its account is called now.
func (a *app) principalUID(ctx context.Context, c *client.Client, text string) (uint32, error) {
	if uid, err := strconv.ParseUint(strings.TrimPrefix(text, "uid:"), 10, 32); err == nil {
		return uint32(uid), nil
	}
	all, err := a.principals(ctx, c, false)
	if err != nil {
		return 0, err
	}
	all = slices.DeleteFunc(all, func(p *vaultdv1.BoundPrincipal) bool { return p.GetUser() != text && p.GetAccount() != text })
	switch len(all) {
	case 0:
		return 0, fault.E(fault.CodePrincipalNotFound, "there is no principal %q", text).
			WithHint("'vaultctl principal list' shows all; name it by its uid")
	case 1:
		return all[0].GetUid(), nil
	}
	uids := make([]string, len(all))
	for i, p := range all {
		uids[i] = uidText(p.GetUid())
	}
	return 0, fault.E(fault.CodeUsage, "%q can be any of the uids %s", text, strings.Join(uids, ", ")).WithHint("name it by its uid")
}

func (a *app) principalAdopt() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "adopt UID|NAME",
		Short: "Say that the account of now is the principal of its uid",
		Long: strings.TrimSpace(`
Adopt a principal that is in quarantine or retired: its account, as it is called
now, is trusted from here on, on connections that are open as well. It owns the
namespace of that name. One that another uid has had is taken from that uid,
which is retired. Keys in the namespace of a former name stay where they are.

A NAME is one as it was bound or as the account is called now.`),
		Example: example(`
vaultctl principal adopt 1000
vaultctl principal adopt alice`),
		Args:              takes("UID|NAME"),
		ValidArgsFunction: a.completePrincipal,
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		uid, err := a.principalUID(ctx, c, args[0])
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Adopting", c.AdoptPrincipal, &vaultdv1.AdoptPrincipalRequest{Uid: uid})
		if err != nil {
			return err
		}
		retired := []boundView{}
		for _, p := range r.GetRetired() {
			retired = append(retired, viewBound(p))
		}
		return a.print.Object(struct {
			Principal boundView   `json:"principal"`
			Retired   []boundView `json:"retired"`
		}{viewBound(r.GetPrincipal()), retired}, func(t *render.Table) {
			a.boundFields(t, r.GetPrincipal())
			for _, p := range r.GetRetired() {
				t.Field("Retired", uidText(p.GetUid())+", which had the name")
			}
		})
	})
	return cmd
}

func (a *app) principalRetire() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "retire UID|NAME",
		Short: "Say that a principal is over",
		Long: strings.TrimSpace(`
Retire a principal: its user is gone. It gets nothing any more, on connections
that are open as well, and its name stays taken, since its keys may still be
there. An account that has its uid under another name is somebody new. Its keys
are not touched: 'vaultctl owner revoke' destroys them.`),
		Example: example(`
vaultctl principal retire 1000 --reason "left the team"
vaultctl principal retire alice`),
		Args:              takes("UID|NAME"),
		ValidArgsFunction: a.completePrincipal,
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, a `TEXT`; kept with the principal")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		uid, err := a.principalUID(ctx, c, args[0])
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Retiring", c.RetirePrincipal, &vaultdv1.RetirePrincipalRequest{Uid: uid, Reason: reason})
		if err != nil {
			return err
		}
		return a.print.Object(viewBound(r.GetPrincipal()), func(t *render.Table) { a.boundFields(t, r.GetPrincipal()) })
	})
	return cmd
}

// completePrincipal completes uids, each with the name that it was bound to.
func (a *app) completePrincipal(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var uids []string
	a.glance(func(ctx context.Context, c *client.Client) {
		if r, err := c.ListPrincipals(ctx, &vaultdv1.ListPrincipalsRequest{PageSize: 1000}); err == nil {
			for _, p := range r.GetPrincipals() {
				uids = append(uids, uidText(p.GetUid())+"\t"+p.GetUser()+", "+p.GetState())
			}
		}
	})
	return uids, cobra.ShellCompDirectiveNoFileComp
}
