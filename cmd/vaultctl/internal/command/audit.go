package command

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

func (a *app) audit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Read and verify the record of every request",
		Long: strings.TrimSpace(`
Every request to the daemon leaves a record: who asked for what, and what the
answer was. Nobody can change a record later without 'audit verify' naming it.
Only administrators read the log.`),
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.auditTail(), a.auditCheckpoint(), a.auditProve(), a.auditVerify())
	return cmd
}

// tailWait is how long one request of tail -f waits; the daemon may answer sooner.
const tailWait = 4 * time.Second

func (a *app) auditTail() *cobra.Command {
	var follow, denied bool
	var owner, action string
	var since time.Duration
	var from uint64
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Print records, and those to come",
		Long: strings.TrimSpace(`
Print the records of the audit log, oldest first; with -f go on with those to
come until interrupted. JSON is one record a line, as it stands in the log.`),
		Example: example(`
vaultctl audit tail --since 1h --denied
vaultctl audit tail -f --owner alice --action key.decrypt
vaultctl audit tail -o json | jq -r .principal.exe | sort | uniq -c`),
		Args: takes(),
	}
	f := cmd.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "go on with records to come")
	f.StringVar(&owner, "owner", "", "only what concerns this `OWNER`'s keys")
	f.StringVar(&action, "action", "", "only this `ACTION`, such as key.decrypt")
	f.BoolVar(&denied, "denied", false, "only what the policy refused")
	f.DurationVar(&since, "since", 0, "only of the last `TIME`, such as 1h")
	f.Uint64Var(&from, "from", 0, "begin with this record's `NUMBER`")
	mustCompleteBy(cmd, "owner", a.completeOwner)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		request := &vaultdv1.ReadAuditRequest{From: from, Owner: owner, Action: action, Denied: denied, PageSize: 1000}
		if since > 0 {
			request.Since = timestamppb.New(time.Now().Add(-since))
		}
		for {
			r, err := c.ReadAudit(ctx, request)
			if err != nil {
				return err
			}
			for _, line := range r.GetLines() {
				if err := a.printRecord(line); err != nil {
					return err
				}
			}
			if r.GetNext() == request.GetFrom() || len(r.GetLines()) == 0 {
				if !follow {
					return nil
				}
				request.Wait = durationpb.New(tailWait)
			}
			request.From = r.GetNext()
		}
	})
	return cmd
}

// printRecord prints one record: as it is, or for people.
func (a *app) printRecord(line string) error {
	if a.print.JSON {
		_, err := fmt.Fprintln(a.stdout, line)
		return err
	}
	r, err := audit.Decode([]byte(line))
	if err != nil {
		return fault.E(fault.CodeAuditTampered, "the daemon sent what is no record: %v", err)
	}
	who := r.Principal.User
	if who == "" {
		who = "uid " + strconv.FormatUint(uint64(r.Principal.UID), 10)
	}
	if r.Principal.Exe != "" {
		who += " " + r.Principal.Exe
	}
	what := r.Owner
	if r.Key.Name != "" {
		what += "/" + r.Key.Name
	}
	if r.Key.Version > 0 {
		what += "@" + strconv.FormatUint(uint64(r.Key.Version), 10)
	}
	end := string(r.Outcome)
	if r.Code != "" {
		end += " (" + r.Code + ")"
	}
	// Names come from others; quoting keeps them from moving the cursor.
	text := fmt.Sprintf("%6d  %s  %-8s  %-16s  %s  %s", r.Seq, r.Time.Local().Format(time.DateTime), end, r.Action, dash(what), who)
	_, err = fmt.Fprintln(a.stdout, render.Clean(text))
	return err
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (a *app) auditCheckpoint() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "checkpoint",
		Short: "Print a signed statement of the log as it is now",
		Long: strings.TrimSpace(`
Sign the log as it is and print the checkpoint. Keep it where this machine's
administrators can't change it: 'audit verify --against' shows later whether the
log still contains everything that it covers.`),
		Example: example("vaultctl audit checkpoint | ssh other 'cat > vaultd.checkpoint'"),
		Args:    takes(),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		r, err := call(ctx, a, "Signing", c.CheckpointAudit, &vaultdv1.CheckpointAuditRequest{})
		if err != nil {
			return err
		}
		if !a.print.JSON {
			a.print.Note("public key: %s", r.GetPublicKey())
			_, err := fmt.Fprint(a.stdout, r.GetCheckpoint())
			return err
		}
		return json.NewEncoder(a.stdout).Encode(map[string]string{"checkpoint": r.GetCheckpoint(), "public_key": r.GetPublicKey()})
	})
	return cmd
}

func (a *app) auditProve() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "prove NUMBER",
		Short: "Print the proof that a record is in the log",
		Long: strings.TrimSpace(`
Print a record and the proof that it is in the log, in the C2SP tlog-proof form.
With the public key it convinces somebody who has no access to the log.`),
		Example: example("vaultctl audit prove 42 -o json"),
		Args:    takes("NUMBER"),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		n, err := strconv.ParseUint(args[0], 10, 62)
		if err != nil {
			return fault.E(fault.CodeUsage, "%q is not the number of a record", args[0])
		}
		r, err := call(ctx, a, "Proving", c.ProveAudit, &vaultdv1.ProveAuditRequest{Sequence: n})
		if err != nil {
			return err
		}
		if !a.print.JSON {
			_, err := fmt.Fprintf(a.stdout, "%s\n%s", r.GetLine(), r.GetProof())
			return err
		}
		return json.NewEncoder(a.stdout).Encode(map[string]string{"line": r.GetLine(), "proof": r.GetProof()})
	})
	return cmd
}
