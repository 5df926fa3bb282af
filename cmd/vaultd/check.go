package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
)

func newCheckCommand(s *settings) *cobra.Command {
	var (
		repair  bool
		secrets slotSecrets
		output  string
	)
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Verify a vault that no daemon serves",
		Long: `check looks at every byte of a vault while no daemon serves it. Without the
password it verifies the structure: lengths, checksums, and that the copies
agree. With the password, or the secret of another key slot, it opens and
authenticates every record, and every key's material.

--repair restores what a good copy is left of; it needs the secret, works on
copies, and puts them in place at the end. Make a copy of the store directory
first if you can.

The exit status is 0 when all is well or repaired, 10 when damage is left.`,
		Example: `  vaultd check
  vaultd check --password-file /root/vault-password
  vaultd check --repair --password-fd 0
  vaultd check --key-file /media/stick/vault.key
  vaultd check --recovery --password-file ./words
  vaultd check --share-file ./share-1-of-3.txt --share-file ./share-3-of-3.txt`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return usage("-o is text or json, not %q", output)
			}
			c, err := s.load()
			if err != nil {
				return err
			}
			kind, secret, err := secrets.read()
			if err != nil {
				return err
			}
			defer secret.Wipe()
			if repair && secret == nil {
				return usage("--repair needs the password, by --password-fd or --password-file, or --key-file, or --share-file")
			}
			lock, err := openExisting(c.Store)
			if err != nil {
				return err
			}
			defer lock.Close()
			act := vault.Check
			if repair {
				act = vault.Repair
			}
			report, err := act(cmd.Context(), vault.CheckOptions{
				Dir: c.Store.Dir, AnchorPath: c.Store.Anchor, With: vault.SlotSecret{Kind: kind, Secret: secret.Bytes()}, Log: newLog(c.Log),
			})
			if err != nil {
				return err
			}
			if err := printReport(cmd.OutOrStdout(), output, report); err != nil {
				return err
			}
			return verdict(report)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&repair, "repair", false, "restore what a good copy is left of")
	secrets.flags(f)
	f.StringVarP(&output, "output", "o", "text", "`format`: text or json")
	return cmd
}

// The report as JSON. Names are stable.
type (
	reportJSON struct {
		OK       bool          `json:"ok"`
		Complete bool          `json:"complete"`
		Clean    bool          `json:"clean"`
		Records  int           `json:"records"`
		Sequence uint64        `json:"sequence"`
		Findings []findingJSON `json:"findings"`
	}
	findingJSON struct {
		Severity string `json:"severity"`
		File     string `json:"file"`
		Offset   *int64 `json:"offset,omitempty"` // absent when the whole file is meant
		Record   string `json:"record,omitempty"` // blinded name
		What     string `json:"what"`
		Repaired bool   `json:"repaired"`
	}
)

func printReport(w io.Writer, format string, r *vault.CheckReport) error {
	if format == "json" {
		out := reportJSON{r.OK(), r.Complete, r.Clean, r.Records, r.Sequence, []findingJSON{}}
		for _, f := range r.Findings {
			j := findingJSON{Severity: f.Severity.String(), File: f.File, Record: f.Record, What: f.What, Repaired: f.Repaired}
			if f.Offset >= 0 {
				j.Offset = &f.Offset
			}
			out.Findings = append(out.Findings, j)
		}
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(out)
	}
	for _, f := range r.Findings {
		if _, err := fmt.Fprintln(w, f); err != nil {
			return err
		}
	}
	var err error
	switch {
	case !r.OK():
		// The error says it.
	case r.Complete:
		_, err = fmt.Fprintf(w, "The vault is whole: %d records, sequence %d.\n", r.Records, r.Sequence)
	default:
		_, err = fmt.Fprintln(w, "The structure is whole. With the password (--password-file, --password-fd) every record is verified too.")
	}
	return err
}

// verdict is the error to end with when damage is left.
func verdict(r *vault.CheckReport) error {
	if r.OK() {
		return nil
	}
	for _, f := range r.Findings {
		if f.Severity == vault.SeverityLoss && !f.Repaired {
			return fault.E(fault.CodeStoreCorrupt, "the vault is damaged beyond its copies").
				WithHint("'vaultd restore --replace' makes a vault of a backup")
		}
	}
	return fault.E(fault.CodeStoreCorrupt, "the vault is damaged").WithHint("run 'vaultd check --repair' with the password")
}
