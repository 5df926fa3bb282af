package command

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
	"github.com/vaultd/vaultd/vault/policyfile"
)

// exitDenied is the exit status of can for a no.
const exitDenied = int(fault.ClassDenied)

// principalView is a principal as JSON shows it.
type principalView struct {
	UID      uint32   `json:"uid"`
	User     string   `json:"user,omitempty"`
	GID      uint32   `json:"gid"`
	Groups   []uint32 `json:"groups"`
	PID      int32    `json:"pid,omitempty"`
	Exe      string   `json:"exe,omitempty"`
	Unit     string   `json:"unit,omitempty"`
	UserUnit string   `json:"user_unit,omitempty"`
	Label    string   `json:"label,omitempty"`
}

func viewOf(p *vaultdv1.Principal) principalView {
	return principalView{
		UID: p.GetUid(), User: p.GetUser(), GID: p.GetGid(), Groups: append([]uint32{}, p.GetGroups()...), PID: p.GetPid(),
		Exe: p.GetExe(), Unit: p.GetUnit(), UserUnit: p.GetUserUnit(), Label: p.GetLabel(),
	}
}

func (v principalView) fields(t *render.Table) {
	who := strconv.FormatUint(uint64(v.UID), 10)
	if v.User != "" {
		who = v.User + " (" + who + ")"
	}
	t.Field("User", who)
	groups := []string{strconv.FormatUint(uint64(v.GID), 10)}
	for _, g := range v.Groups {
		if g != v.GID {
			groups = append(groups, strconv.FormatUint(uint64(g), 10))
		}
	}
	t.Field("Groups", strings.Join(groups, " "))
	if v.PID != 0 {
		t.Field("Process", strconv.Itoa(int(v.PID)))
	}
	t.Field("Program", v.Exe)
	t.Field("Unit", v.Unit)
	t.Field("User unit", v.UserUnit)
	t.Field("Label", v.Label)
}

func (a *app) whoami() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "whoami",
		Short: "Show what the daemon sees of you",
		Long: strings.TrimSpace(`
Show who you are to the daemon, as the kernel told it: what is not shown is
unknown, and no grant that asks for it applies. It is vaultctl that the daemon
sees here; another program of yours has another path, and maybe another unit.

The standing says whether your account is the one that it was: fresh, known,
nameless (it has none), principal_changed (in quarantine) or principal_retired.
While the vault is sealed nobody knows, and JSON has no standing.`),
		Example: example("vaultctl whoami\nvaultctl whoami -o json | jq .unit"),
		Args:    takes(),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		r, err := call(ctx, a, "Asking", c.WhoAmI, &vaultdv1.WhoAmIRequest{})
		if err != nil {
			return err
		}
		v := struct {
			principalView
			Owner    string `json:"owner,omitempty"`
			Role     string `json:"role,omitempty"`
			Standing string `json:"standing,omitempty"` // "fresh", "known", "nameless", "principal_changed", "principal_retired"
			Why      string `json:"why,omitempty"`      // it is not known
		}{viewOf(r.GetPrincipal()), r.GetOwner(), r.GetRole(), r.GetStanding(), r.GetWhy()}
		return a.print.Object(v, func(t *render.Table) {
			v.fields(t)
			if v.Owner != "" {
				t.Field("Owns", v.Owner+"/…")
			}
			t.Field("Administrator", v.Role)
			standing := v.Standing
			if v.Why != "" {
				standing = strings.TrimPrefix(standing+": "+v.Why, ": ")
			}
			t.Field("Standing", standing)
		})
	})
	return cmd
}

// missingView is one thing that a grant asks for and that is not so.
type missingView struct {
	Attribute string `json:"attribute"`
	Want      string `json:"want"`
	Have      string `json:"have,omitempty"`
}

func missingViews(list []*vaultdv1.MissingAttribute) []missingView {
	out := make([]missingView, len(list))
	for i, m := range list {
		out[i] = missingView{m.GetAttribute(), m.GetWant(), m.GetHave()}
	}
	return out
}

func missingFields(t *render.Table, list []missingView) {
	for _, m := range list {
		t.Field("Missing", policy.Missing(m).String())
	}
}

func (a *app) can() *cobra.Command {
	var as string
	var pairs []string
	cmd := &cobra.Command{
		Use:   "can ACTION [KEY]",
		Short: "Tell whether something would be allowed, and why",
		Long: strings.TrimSpace(`
Tell whether an action would be allowed, without doing it: by which rule or
grant, or else what the closest grant asks for and does not get. The action is a
verb, such as encrypt, or a name of the log, such as vault.seal. KEY is a key,
or 'owner/' for what concerns a namespace.

Administrators may ask about somebody else with --as: a user's name, uid:NUMBER,
or unit:NAME for the caller as if it ran in that unit.

The exit status is 0 for yes and 4 for no.`),
		Example: example(`
vaultctl can decrypt alice/session
vaultctl can export alice/session --as bob
vaultctl can decrypt alice/session --context purpose=backup --as unit:backup.service`),
		Args:              takes("ACTION", "[KEY]"),
		ValidArgsFunction: completeVerb,
	}
	f := cmd.Flags()
	f.StringVar(&as, "as", "", "ask about this user, uid:NUMBER or unit:NAME, a `PRINCIPAL`")
	f.StringArrayVar(&pairs, "context", nil, "the request has this `NAME=VALUE` in its context; uid=@peer is the caller's own (repeatable)")
	mustCompleteBy(cmd, "as", nothing)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		request := &vaultdv1.CanRequest{Action: args[0]}
		var err error
		if request.Context, err = parse.Context(pairs); err != nil {
			return err
		}
		if len(args) == 2 {
			request.Resource = args[1]
			if !strings.HasSuffix(args[1], "/") {
				if request.Resource, err = a.names.Key(args[1]); err != nil {
					return err
				}
			}
		}
		if as != "" {
			if request.As, err = a.asPrincipal(ctx, c, as); err != nil {
				return err
			}
		}
		r, err := call(ctx, a, "Asking", c.Can, request)
		if err != nil {
			return err
		}
		v := struct {
			Allowed    bool          `json:"allowed"`
			Rule       string        `json:"rule"`
			Grant      string        `json:"grant,omitempty"`
			Missing    []missingView `json:"missing"`
			Generation uint64        `json:"policy_generation"`
		}{r.GetAllowed(), r.GetRule(), r.GetGrant(), missingViews(r.GetMissing()), r.GetPolicyGeneration()}
		err = a.print.Object(v, func(t *render.Table) {
			t.Field("Allowed", map[bool]string{true: "yes", false: "no"}[v.Allowed])
			t.Field("Rule", v.Rule)
			t.Field("Grant", v.Grant)
			missingFields(t, v.Missing)
		})
		if err == nil && !v.Allowed {
			return answered(exitDenied)
		}
		return err
	})
	return cmd
}

func nothing(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}

func completeVerb(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var verbs []string
	for _, r := range policy.Rules() {
		if r.Verb != "" {
			verbs = append(verbs, r.Verb)
		}
	}
	return verbs, cobra.ShellCompDirectiveNoFileComp
}

// asPrincipal is who --as names. Accounts are looked up here, as the daemon would
// see them on this machine.
func (a *app) asPrincipal(ctx context.Context, c *client.Client, as string) (*vaultdv1.Principal, error) {
	if unit, ok := strings.CutPrefix(as, "unit:"); ok {
		r, err := call(ctx, a, "Asking", c.WhoAmI, &vaultdv1.WhoAmIRequest{})
		if err != nil {
			return nil, err
		}
		p := r.GetPrincipal()
		p.Unit, p.Exe = unit, ""
		return p, nil
	}
	var u *user.User
	var err error
	number, byNumber := strings.CutPrefix(as, "uid:")
	if byNumber {
		uid, bad := strconv.ParseUint(number, 10, 32)
		if bad != nil {
			return nil, fault.E(fault.CodeBadArgument, "--as: %q is no uid", number)
		}
		if u, err = user.LookupId(number); err != nil {
			return &vaultdv1.Principal{Uid: uint32(uid)}, nil // one without an account
		}
	} else if u, err = user.Lookup(as); err != nil {
		return nil, fault.E(fault.CodeBadArgument, "--as: there is no user %q on this machine", as).
			WithHint("write a user's name, uid:NUMBER or unit:NAME")
	}
	p := &vaultdv1.Principal{User: u.Username}
	if p.Uid, err = id(u.Uid); err != nil {
		return nil, err
	}
	if p.Gid, err = id(u.Gid); err != nil {
		return nil, err
	}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("find the groups of %s: %w", u.Username, err)
	}
	for _, g := range groups {
		n, err := id(g)
		if err != nil {
			return nil, err
		}
		p.Groups = append(p.Groups, n)
	}
	return p, nil
}

func id(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err
}

func (a *app) explain() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain DECISION",
		Short: "Tell why a request was denied",
		Long: strings.TrimSpace(`
Tell why a request was denied, by the id in the hint of its error: the rule, the
grant that decided or came closest, and what was missing. You are told of your
own requests, and less than administrators are, who are told of all. The daemon
remembers the latest 1,024 denials until it stops.`),
		Example: example("vaultctl explain 4f1d0c2a9b8e7766"),
		Args:    takes("DECISION"),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		r, err := call(ctx, a, "Asking", c.Explain, &vaultdv1.ExplainRequest{Decision: args[0]})
		if err != nil {
			return err
		}
		v := struct {
			Action     string        `json:"action"`
			Resource   string        `json:"resource"`
			Time       any           `json:"time"`
			Principal  principalView `json:"principal"`
			Rule       string        `json:"rule"`
			Grant      string        `json:"grant,omitempty"`
			Missing    []missingView `json:"missing"`
			Generation uint64        `json:"policy_generation"`
		}{
			r.GetAction(), r.GetResource(), timeOf(r.GetTime()), viewOf(r.GetPrincipal()), r.GetRule(), r.GetGrant(),
			missingViews(r.GetMissing()), r.GetPolicyGeneration(),
		}
		return a.print.Object(v, func(t *render.Table) {
			t.Field("Denied", v.Action+" on "+v.Resource)
			t.Field("When", a.print.When(r.GetTime()))
			v.Principal.fields(t)
			t.Field("Rule", v.Rule)
			t.Field("Grant", v.Grant)
			missingFields(t, v.Missing)
		})
	})
	return cmd
}

func (a *app) policy() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Check policy files",
		Long: strings.TrimSpace(`
Policy files hold grants: /etc/vaultd/policy.d/*.toml for the machine,
~/.config/vaultd/policy.d/*.toml for a user. The daemon takes a change within a
second; a file that is wrong leaves the last good policy in force.`),
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.policyCheck())
	return cmd
}

func (a *app) policyCheck() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Say whether policy files are right, and where they are not",
		Long: strings.TrimSpace(`
Check policy files before they are deployed, without a daemon: everything that
is wrong is told with file and line. The exit status is 0 when all are right,
and 2 when one is not.`),
		Example: example("vaultctl policy check 10-backup.toml 20-web.toml"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return takes("FILE")(cmd, args)
			}
			return nil
		},
	}
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		a.started = true
		var grants []policy.Grant
		var all []error
		for _, path := range args {
			some, errs := policyfile.CheckFile(path)
			grants, all = append(grants, some...), append(all, errs...)
		}
		if len(all) == 0 {
			set, err := policy.Compile(grants, policy.Machine{GroupID: groupByName})
			if err != nil {
				all = append(all, err)
			} else {
				for _, w := range set.Warnings() {
					a.print.Warn("%v", w)
				}
			}
		}
		if err := errors.Join(all...); err != nil {
			return a.flaws(strings.Split(err.Error(), "\n"))
		}
		return a.print.Object(struct {
			Grants int `json:"grants"`
		}{len(grants)}, func(t *render.Table) { t.Line("the policy is fine: %d grants", len(grants)) })
	}
	return cmd
}

// flaws is the error of what is wrong in files: a line for each, as far as
// people read it.
func (a *app) flaws(all []string) error {
	last := len(all) - 1
	if a.print.JSON {
		return fault.E(fault.CodeUsage, "%s", strings.Join(all, "; "))
	}
	for _, flaw := range all[:last] {
		a.print.Fail(render.Failure{Message: flaw})
	}
	return fault.E(fault.CodeUsage, "%s", all[last])
}

// groupByName finds a group of this machine.
func groupByName(name string) (uint32, bool, error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, false, nil // a warning here: the file may be meant for another machine
	}
	gid, err := id(g.Gid)
	return gid, err == nil, err
}
