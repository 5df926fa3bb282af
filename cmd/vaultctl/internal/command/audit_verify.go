package command

import (
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	"github.com/vaultd/vaultd/internal/paths"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

// verifyView is the result of verify as JSON shows it.
type verifyView struct {
	OK          bool          `json:"ok"`
	Directory   string        `json:"directory"`
	Records     int64         `json:"records"`
	Covered     int64         `json:"covered"` // by a signed checkpoint
	Root        string        `json:"root"`
	Checkpoints int           `json:"checkpoints"`
	Key         string        `json:"key,omitempty"`
	FirstBad    int64         `json:"first_bad"` // -1: none
	Problems    []problemView `json:"problems"`
}

type problemView struct {
	Record int64  `json:"record"` // -1: none
	What   string `json:"what"`
	Where  string `json:"where,omitempty"`
}

func (a *app) auditVerify() *cobra.Command {
	var against, key string
	cmd := &cobra.Command{
		Use:   "verify [DIR]",
		Short: "Verify that nobody changed the log",
		Long: strings.TrimSpace(`
Read a whole audit log and compute it again. No daemon is asked: it works on the
files, in use or not, and on a copy on another machine. Without DIR it is the
log of your own vault, or for root the machine's.

The exit status is 10 when the log is not what was written; the first record
that was changed, removed or inserted is named.`),
		Example: example(`
vaultctl audit verify
vaultctl audit verify /var/log/vaultd/audit --against vaultd.checkpoint --key vaultd.pub`),
		Args: cobra.MaximumNArgs(1),
	}
	f := cmd.Flags()
	f.StringVar(&against, "against", "", "a checkpoint in this `FILE`, kept elsewhere, that the log must contain")
	f.StringVar(&key, "key", "", "the verifier key in this `FILE`, kept elsewhere, instead of the directory's audit.pub")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		a.started = true
		dir, err := a.auditDir(args)
		if err != nil {
			return err
		}
		var o audit.VerifyOptions
		if key != "" {
			text, err := os.ReadFile(key)
			if err != nil {
				return fault.E(fault.CodeBadArgument, "%v", err)
			}
			o.Key = strings.TrimSpace(string(text))
		}
		if against != "" {
			text, err := os.ReadFile(against)
			if err != nil {
				return fault.E(fault.CodeBadArgument, "%v", err)
			}
			c, err := audit.ParseCheckpoint(text)
			if err != nil {
				return fault.E(fault.CodeBadArgument, "%s: %v", against, err)
			}
			o.Against = &c
		}
		report, err := audit.Verify(dir, o)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return fault.E(fault.CodeBadArgument, "there is no audit log in %s", dir)
		case errors.Is(err, fs.ErrPermission):
			return fault.E(fault.CodePermissionDenied, "%v", err)
		case err != nil:
			return err
		}
		return a.printReport(dir, report)
	}
	return cmd
}

func (a *app) auditDir(args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	if os.Geteuid() == 0 {
		return paths.System().Audit, nil
	}
	own, err := paths.User(a.getenv)
	if err != nil {
		return "", fault.E(fault.CodeUsage, "which log? name its directory")
	}
	return own.Audit, nil
}

func (a *app) printReport(dir string, r audit.Report) error {
	v := verifyView{
		OK: r.OK(), Directory: dir, Records: r.Records, Covered: r.Covered, Root: r.Root.String(),
		Checkpoints: r.Checkpoints, Key: r.Key, FirstBad: r.FirstBad, Problems: []problemView{},
	}
	for _, p := range r.Problems {
		v.Problems = append(v.Problems, problemView{p.Seq, p.What, p.Where})
	}
	err := a.print.Object(v, func(t *render.Table) {
		t.Field("Log", dir)
		t.Field("Records", grouped(uint64(r.Records))) //nolint:gosec // a count
		t.Field("Signed", grouped(uint64(r.Covered)))  //nolint:gosec // a count
		t.Field("Root", r.Root.String())
		t.Field("Key", r.Key)
		for _, p := range r.Problems {
			t.Field("Problem", p.Error())
		}
	})
	if err != nil || r.OK() {
		return err
	}
	first, _ := r.First()
	if first.Seq >= 0 {
		return fault.E(fault.CodeAuditTampered, "the audit log was tampered with, from record %d on: %s", first.Seq, first.What)
	}
	return fault.E(fault.CodeAuditTampered, "the audit log was tampered with: %s", first.What)
}
