package command

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// checkView is the result of a check as JSON shows it, as 'vaultd check' does.
type checkView struct {
	OK       bool          `json:"ok"`
	Records  uint64        `json:"records"`
	Sequence uint64        `json:"sequence"`
	Findings []findingView `json:"findings"`
}

type findingView struct {
	Severity string  `json:"severity"`
	File     string  `json:"file"`
	Offset   *uint64 `json:"offset,omitempty"` // absent when the whole file is meant
	Record   string  `json:"record,omitempty"` // blinded name
	What     string  `json:"what"`
}

func (a *app) check() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Verify every record of the vault, while it is used",
		Long: strings.TrimSpace(`
Verify the vault as it is at this moment, while others go on using it: the bytes
of its files against what the daemon wrote, every record in both copies, and that
every key's material opens and is the one that its fingerprint says.

It changes nothing. 'vaultd check --repair' mends what a good copy is left of,
while no daemon serves the vault.

The exit status is 0 when all is well, and 10 when something is damaged.`),
		Example: example("vaultctl check\nvaultctl check -o json"),
		Args:    takes(),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		r, err := call(ctx, a, "Beginning", c.Check, &vaultdv1.CheckRequest{})
		if err != nil {
			return err
		}
		if r, err = a.goOnChecking(ctx, c, r); err != nil {
			return err
		}
		return a.printCheck(r)
	})
	return cmd
}

func (a *app) goOnChecking(ctx context.Context, c *client.Client, r *vaultdv1.CheckResponse) (*vaultdv1.CheckResponse, error) {
	var done atomic.Uint64
	total := r.GetRecords()
	stop := a.print.ProgressOf(func() string {
		return "Checking: " + grouped(done.Load()) + " of " + grouped(total) + " records"
	})
	defer stop()
	for !r.GetDone() {
		var err error
		if r, err = a.checkOn(ctx, c, r.GetId()); err != nil {
			return nil, err
		}
		done.Store(r.GetRecordsRead())
	}
	return r, nil
}

func (a *app) checkOn(ctx context.Context, c *client.Client, id string) (*vaultdv1.CheckResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	return c.Check(ctx, &vaultdv1.CheckRequest{Id: id})
}

func (a *app) printCheck(r *vaultdv1.CheckResponse) error {
	v := checkView{OK: true, Records: r.GetRecordsRead(), Sequence: r.GetSequence(), Findings: []findingView{}}
	lost := false
	for _, f := range r.GetFindings() {
		v.Findings = append(v.Findings, findingView{f.GetSeverity(), f.GetFile(), f.Offset, f.GetRecord(), f.GetWhat()})
		v.OK = v.OK && f.GetSeverity() == "note"
		lost = lost || f.GetSeverity() == "loss"
	}
	err := a.print.Object(v, func(t *render.Table) {
		for _, f := range v.Findings {
			t.Line("%s", f.text())
		}
		if v.OK {
			t.Line("The vault is whole: %s records, sequence %d.", grouped(v.Records), v.Sequence)
		}
	})
	switch {
	case err != nil || v.OK:
		return err
	case lost:
		return fault.E(fault.CodeStoreCorrupt, "the vault is damaged beyond its copies").
			WithHint("what is not named above still works; 'vaultd restore' makes a vault of a backup")
	}
	return fault.E(fault.CodeStoreCorrupt, "the vault is damaged").
		WithHint("stop the daemon and run 'vaultd check --repair' with the password")
}

func (f *findingView) text() string {
	where := f.File
	if f.Offset != nil {
		where += fmt.Sprintf(" at byte %d", *f.Offset)
	}
	if f.Record != "" {
		where += " record " + f.Record
	}
	return fmt.Sprintf("%s: %s: %s", f.Severity, where, f.What)
}
