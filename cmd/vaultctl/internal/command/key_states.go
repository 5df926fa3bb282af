package command

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

// stateView is a row of the table of states as JSON shows it.
type stateView struct {
	State    string   `json:"state"`
	Standard string   `json:"standard"` // the state of SP 800-57 that it is a part of
	Section  string   `json:"section"`
	Allows   []string `json:"allows"`
	Means    string   `json:"means"`
}

type transitionView struct {
	From      []string `json:"from"`
	Operation string   `json:"operation,omitempty"` // none where time alone does it
	Cause     string   `json:"cause"`
	To        string   `json:"to"`
	Standard  string   `json:"standard,omitempty"`
}

type typeView struct {
	Type       string `json:"type"`
	Standard   string `json:"standard"`
	Originator string `json:"originator_period"`
	Recipient  string `json:"recipient_period"`
	Rule       string `json:"rule,omitempty"`
}

func (a *app) keyStates() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "states",
		Short: "Show what each state of a key allows",
		Long: strings.TrimSpace(`
Print the table by which the daemon decides: the states of a key version after
NIST SP 800-57 Part 1 Rev. 5, section 7, what each allows, how a version comes
from one to another, and for each key type the cryptoperiods that the standard
suggests (table 1). Suggestions are never forced.

  protect           encrypt, sign, make MACs, agree on keys
  process           decrypt, verify
  process_before    the same, of what its user states to be older (--protected-at)
  process_by_admin  the same, when the user is an administrator`),
		Example:           example("vaultctl key states\nvaultctl key states -o json | jq '.states[] | {state, allows}'"),
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		r, err := call(ctx, a, "Reading the table", c.KeyStates, &vaultdv1.KeyStatesRequest{})
		if err != nil {
			return err
		}
		var view struct {
			States      []stateView      `json:"states"`
			Transitions []transitionView `json:"transitions"`
			Types       []typeView       `json:"types"`
		}
		for _, s := range r.GetStates() {
			view.States = append(view.States, stateView{render.State(s.GetState()), s.GetStandard(), s.GetSection(), s.GetAllows(), s.GetMeans()})
		}
		for _, t := range r.GetTransitions() {
			v := transitionView{Operation: t.GetOperation(), Cause: t.GetCause(), To: render.State(t.GetTo()), Standard: t.GetStandard()}
			for _, from := range t.GetFrom() {
				v.From = append(v.From, render.State(from))
			}
			view.Transitions = append(view.Transitions, v)
		}
		for _, t := range r.GetTypes() {
			view.Types = append(view.Types, typeView{t.GetType(), t.GetStandard(), t.GetOriginatorPeriod(), t.GetRecipientPeriod(), t.GetRule()})
		}
		return a.print.Object(view, func(t *render.Table) {
			t.Row("STATE", "SP 800-57", "ALLOWS")
			for _, s := range view.States {
				t.Row(s.State, s.Section+" "+s.Standard, strings.Join(s.Allows, " "))
			}
			t.Line("")
			t.Row("FROM", "BY", "TO", "SP 800-57")
			for _, v := range view.Transitions {
				t.Row(strings.Join(v.From, " "), v.Cause, v.To, orDash(v.Standard))
			}
			t.Line("")
			t.Row("TYPE", "AS", "PROTECTS FOR", "OPENS FOR")
			for _, v := range view.Types {
				t.Row(v.Type, v.Standard, v.Originator, v.Recipient)
			}
		})
	})
	return cmd
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (a *app) scrub() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "scrub",
		Short: "Make the traces of destroyed keys go from the store now",
		Long: strings.TrimSpace(`
Rewrite the store under fresh keys, so that its files hold no bytes of what was
destroyed. Everything else works meanwhile; 100,000 records take about a second.
What a flash drive, a snapshot, a backup or the audit log keeps is not in the
daemon's hands: docs/FORMAT.md says what may remain. For administrators.`),
		Example:           example("vaultctl scrub"),
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		r, err := call(ctx, a, "Rewriting the store", c.Scrub, &vaultdv1.ScrubRequest{})
		if err != nil {
			return err
		}
		return a.print.Object(struct {
			Generation uint64 `json:"generation"`
		}{r.GetGeneration()}, func(t *render.Table) {
			t.Line("The store was rewritten. It is generation %d.", r.GetGeneration())
		})
	})
	return cmd
}
