package command

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

func (a *app) grant() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "grant",
		Short: "Add, list, show and remove grants in the vault",
		Long: strings.TrimSpace(`
A grant lets somebody do something with somebody else's keys, or denies what
would be allowed. Grants come from policy files and from the vault; these
commands change those in the vault, and show both. They are for administrators.`),
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.grantAdd(), a.grantList(), a.grantShow(), a.grantRemove())
	return cmd
}

// grantFlags are what grant add can be told.
type grantFlags struct {
	policy.Grant
	uid, gid    int64
	pid         int32
	deny        bool
	from, until string
	file        string
}

func (a *app) grantAdd() *cobra.Command {
	g := grantFlags{uid: -1, gid: -1}
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Add a grant to those in the vault",
		Long: strings.TrimSpace(`
Add a grant. It says who (all that is given must be so; one of --user, --uid,
--group, --gid or --any-user is needed), what (--verbs: verbs, or the sets use,
read and manage), on which keys (--keys: patterns such as 'alice/session-*') and
under which conditions. --deny turns it into a denial, which wins over every
grant and over the rights of owners. It is in force when the command returns.

--pid binds it to one living process; the grant goes when that ends. --four-eyes,
for export, destroy and change_policy, asks for a second administrator's
approval: with --deny nobody is allowed without (see 'vaultctl approval').

--file takes the grant as JSON instead, as 'grant show -o json' prints it under
"grant", without id and source.`),
		Example: example(`
vaultctl grant add --user backup --unit backup.service --verbs decrypt --keys 'alice/session-*'
vaultctl grant add --group web --verbs use --keys 'web/*' --label env=prod --until 2027-12-31
vaultctl grant add --user backup --pid 4711 --verbs decrypt --keys 'alice/*' --total 100
vaultctl grant add --any-user --verbs export --keys '*/*' --deny --name stay
vaultctl grant add --any-user --verbs destroy,change_policy --keys '*/*' --deny --four-eyes`),
		Args: takes(),
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&g.Name, "name", "", "what the grant is for, a `TEXT`")
	f.StringVar(&g.User, "user", "", "for this `USER`")
	f.Int64Var(&g.uid, "uid", -1, "for the user of this `NUMBER`")
	f.StringVar(&g.Group, "group", "", "for members of this `GROUP`")
	f.Int64Var(&g.gid, "gid", -1, "for members of the group of this `NUMBER`")
	f.BoolVar(&g.AnyUser, "any-user", false, "for everybody")
	f.StringVar(&g.Unit, "unit", "", "only in this systemd `UNIT` below system.slice")
	f.StringVar(&g.UserUnit, "user-unit", "", "only in this `UNIT` of the user's own systemd")
	f.StringVar(&g.Exe, "exe", "", "only by the program at this `PATH`")
	f.StringVar(&g.Label, "security-label", "", "only with this security `LABEL` (SELinux, AppArmor, Smack)")
	f.Int32Var(&g.pid, "pid", 0, "only by the living process of this `NUMBER`, and gone when that ends")
	f.StringSliceVar(&g.Verbs, "verbs", nil, "what is allowed, `VERBS` such as decrypt,show or use")
	f.StringSliceVar(&g.Keys, "keys", nil, "on keys of these `PATTERNS`, such as 'alice/*'")
	f.StringArrayVar(&g.Labels, "label", nil, "only on keys with this label, `NAME` or NAME=VALUE (repeatable)")
	f.StringSliceVar(&g.Types, "type", nil, "only on keys of these `TYPES`")
	f.StringArrayVar(&g.Context, "context", nil, "only with this in the request's context, `NAME` or NAME=VALUE (repeatable)")
	f.StringVar(&g.from, "from", "", "not before this `TIME`, such as 2027-01-31 or 2027-01-31T12:00:00Z")
	f.StringVar(&g.until, "until", "", "not from this `TIME` on")
	f.Uint32Var(&g.Uses, "uses", 0, "at most this many uses, a `NUMBER`, in each --per")
	f.DurationVar(&g.Per, "per", 0, "the period of --uses, a `TIME` such as 1h")
	f.Uint64Var(&g.TotalUses, "total", 0, "at most this many uses, a `NUMBER`, ever")
	f.BoolVar(&g.deny, "deny", false, "deny instead of allow")
	f.BoolVar(&g.FourEyes, "four-eyes", false, "only with a second administrator's approval")
	f.StringVar(&g.file, "file", "", "take the grant as JSON from this `FILE` (- is standard input)")
	mustComplete(cmd, "verbs", policy.Verbs()...)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		text, err := a.grantText(ctx, cmd, &g)
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Adding the grant", c.AddGrant, &vaultdv1.AddGrantRequest{Json: text})
		if err != nil {
			return err
		}
		return a.printGrant(r.GetGrant())
	})
	return cmd
}

// grantText is the JSON of the grant to add.
func (a *app) grantText(ctx context.Context, cmd *cobra.Command, g *grantFlags) (string, error) {
	if g.file != "" {
		if cmd.LocalFlags().Changed("verbs") || cmd.LocalFlags().Changed("keys") {
			return "", fault.E(fault.CodeUsage, "--file holds the whole grant").WithHint("leave the other flags out")
		}
		text, err := a.input(ctx, g.file, "grant")
		return string(text), err
	}
	g.Effect = policy.Allow
	if g.deny {
		g.Effect = policy.Deny
	}
	for _, n := range []struct {
		flag  string
		value int64
		into  **uint32
	}{{"uid", g.uid, &g.UID}, {"gid", g.gid, &g.GID}} {
		if !cmd.Flags().Changed(n.flag) {
			continue
		}
		number := uint32(n.value) //nolint:gosec // checked next
		if int64(number) != n.value {
			return "", fault.E(fault.CodeUsage, "--%s: %d is no number of a user or group", n.flag, n.value)
		}
		*n.into = &number
	}
	if cmd.Flags().Changed("pid") {
		if g.pid <= 0 {
			return "", fault.E(fault.CodeUsage, "--pid: %d is no number of a process", g.pid)
		}
		g.Process = &policy.Process{PID: g.pid}
	}
	var err error
	if g.NotBefore, err = moment("from", g.from); err != nil {
		return "", err
	}
	if g.NotAfter, err = moment("until", g.until); err != nil {
		return "", err
	}
	text, err := json.Marshal(struct { // without the id, which the daemon gives it
		ID int `json:"id,omitempty"`
		*policy.Grant
	}{Grant: &g.Grant})
	return string(text), err
}

// moment reads a date, which begins at midnight UTC, or a date and time.
func moment(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fault.E(fault.CodeUsage, "--%s: %q is not a time", flag, s).
		WithHint("write it as 2027-01-31 or 2027-01-31T12:00:00Z")
}

// grantView is a grant as JSON shows it.
type grantView struct {
	ID     string          `json:"id"`
	Source string          `json:"source"`
	State  string          `json:"state"` // "active", "not yet", "over", "used up"
	Grant  json.RawMessage `json:"grant"` // without id and source
}

func viewGrant(g *vaultdv1.Grant) (grantView, policy.Grant, error) {
	var one policy.Grant
	if err := json.Unmarshal([]byte(g.GetJson()), &one); err != nil {
		return grantView{}, one, fault.E(fault.CodeInternal, "the daemon's grant is of another version: %v", err)
	}
	bare := one
	bare.Source = policy.Source{}
	text, err := json.Marshal(struct {
		ID int `json:"id,omitempty"`
		*policy.Grant
	}{Grant: &bare})
	return grantView{g.GetId(), g.GetSource(), g.GetState(), text}, one, err
}

func (a *app) printGrant(g *vaultdv1.Grant) error {
	v, one, err := viewGrant(g)
	if err != nil {
		return err
	}
	return a.print.Object(v, func(t *render.Table) {
		t.Field("Grant", v.ID)
		t.Field("Name", one.Name)
		t.Field("State", v.State)
		t.Field("Source", v.Source)
		t.Field("Added by", one.Source.By)
		t.Field("Effect", string(one.Effect))
		t.Field("Who", whoOf(one.Subject))
		if p := one.Process; p != nil {
			t.Field("Process", fmt.Sprintf("%d, begun at tick %d of boot %s", p.PID, p.Started, p.Boot))
		}
		t.Field("Verbs", strings.Join(one.Verbs, " "))
		t.Field("Keys", strings.Join(one.Keys, " "))
		t.Field("Labels", strings.Join(one.Labels, " "))
		t.Field("Types", strings.Join(one.Types, " "))
		var conditions bytes.Buffer
		if text, err := json.Marshal(one.Conditions); err == nil && string(text) != "{}" {
			conditions.Write(text)
		}
		t.Field("Conditions", conditions.String())
	})
}

// whoOf is a subject in one line.
func whoOf(s policy.Subject) string {
	if p := s.Process; p != nil {
		s.Process = nil
		return fmt.Sprintf("%s process=%d", whoOf(s), p.PID)
	}
	text, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	return strings.NewReplacer("{", "", "}", "", `"`, "", ":", "=", ",", " ").Replace(string(text))
}

func (a *app) grantList() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the grants in force",
		Long:    "List the grants in force, those of the vault and those of policy files. STATE tells\nwhether a grant can apply by its times and its number of uses.",
		Example: example("vaultctl grant list\nvaultctl grant list -o json | jq '.grants[].id'"),
		Args:    takes(),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		request := &vaultdv1.ListGrantsRequest{PageSize: pageSize}
		views := []grantView{}
		var all []policy.Grant
		for {
			r, err := call(ctx, a, "Listing", c.ListGrants, request)
			if err != nil {
				return err
			}
			for _, g := range r.GetGrants() {
				v, one, err := viewGrant(g)
				if err != nil {
					return err
				}
				views, all = append(views, v), append(all, one)
			}
			if request.PageToken = r.GetNextPageToken(); request.PageToken == "" {
				break
			}
		}
		return a.print.Object(struct {
			Grants []grantView `json:"grants"`
		}{views}, func(t *render.Table) {
			t.Row("GRANT", "STATE", "EFFECT", "WHO", "VERBS", "KEYS", "SOURCE", "NAME")
			for i, g := range all {
				t.Row(views[i].ID, views[i].State, string(g.Effect), whoOf(g.Subject), strings.Join(g.Verbs, " "), strings.Join(g.Keys, " "),
					views[i].Source, g.Name)
			}
		})
	})
	return cmd
}

func (a *app) grantShow() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "show GRANT",
		Short:   "Show a grant in force",
		Long:    "Show a grant in force by its id, whether it comes from the vault or from a policy file.",
		Example: example("vaultctl grant show 0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
		Args:    takes("GRANT"),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		r, err := call(ctx, a, "Reading the grant", c.ShowGrant, &vaultdv1.ShowGrantRequest{Id: args[0]})
		if err != nil {
			return err
		}
		return a.printGrant(r.GetGrant())
	})
	return cmd
}

func (a *app) grantRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "remove GRANT",
		Short: "Remove a grant from the vault",
		Long: strings.TrimSpace(`
Remove a grant from the vault by its id. It is out of force when the command
returns, for connections that are open as well. A grant of a policy file is
removed from the file.`),
		Example: example("vaultctl grant remove 0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
		Args:    takes("GRANT"),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		_, err := call(ctx, a, "Removing the grant", c.RemoveGrant, &vaultdv1.RemoveGrantRequest{Id: args[0]})
		if err != nil {
			return err
		}
		a.print.Note("Grant %s is removed.", args[0])
		return nil
	})
	return cmd
}
