package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

func (a *app) forget() *cobra.Command {
	var in []string
	var version uint32
	var yes bool
	cmd := &cobra.Command{
		Use:   "forget KEY",
		Short: "Say that ciphertexts of a tracked key are not needed any more",
		Long: strings.TrimSpace(`
Drop the registration of ciphertexts, read from standard input or from files,
one each. What they were the last to need can then be destroyed; until then they
still open.

--key-version drops everything that needs a version, such as ciphertexts that
were lost before they were stored. On a terminal you are asked to type the key's
name; elsewhere, give --yes.`),
		Example: example(`
vaultctl forget backup < old.vd1
vaultctl forget backup --in a.vd1 --in b.vd1
vaultctl forget backup --key-version 1 --yes`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	f := cmd.Flags()
	f.StringArrayVar(&in, "in", nil, "read a ciphertext from this `FILE` instead of standard input (repeatable)")
	f.Uint32Var(&version, "key-version", 0, "forget every ciphertext that needs this `VERSION`")
	f.BoolVar(&yes, "yes", false, "don't ask")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		request := &vaultdv1.ForgetRequest{Version: version}
		var err error
		if request.Key, err = a.names.Key(args[0]); err != nil {
			return err
		}
		switch {
		case version != 0 && len(in) > 0:
			return fault.E(fault.CodeUsage, "--key-version names every ciphertext, so there is nothing for --in").WithHint("use one of the two")
		case version != 0 && !yes:
			what := fmt.Sprintf("This forgets every ciphertext that needs version %d of %s, which can then be destroyed.", version, request.Key)
			if err := a.ask.Confirm(ctx, what, request.Key, "--yes"); err != nil {
				return err
			}
		case version == 0 && len(in) == 0:
			in = []string{"-"}
		}
		for _, file := range in {
			text, binary, err := a.ciphertext(ctx, file)
			if err != nil {
				return err
			}
			if text != "" {
				request.Ciphertexts = append(request.Ciphertexts, text)
			} else {
				request.CiphertextsBinary = append(request.CiphertextsBinary, binary)
			}
		}
		r, err := call(ctx, a, "Forgetting", c.Forget, request)
		if err != nil {
			return err
		}
		return a.print.Object(struct {
			Key       string `json:"key"`
			Forgotten uint64 `json:"forgotten"`
			Unknown   uint64 `json:"unknown"`
		}{request.Key, r.GetForgotten(), r.GetUnknown()}, func(t *render.Table) {
			t.Line("Forgotten: %d.", r.GetForgotten())
			if n := r.GetUnknown(); n > 0 {
				t.Line("Not registered: %d.", n)
			}
		})
	})
	return cmd
}

func (a *app) keyCensus() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "census KEY",
		Short: "Count the ciphertexts that need each version of a key",
		Long: strings.TrimSpace(`
Tell how many registered ciphertexts need which version of a key that was created
--tracked, and since when the oldest of them is registered. A version that one
needs can't be destroyed: rewrap what is to stay, and forget the rest.`),
		Example:           example(`vaultctl key census backup`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Counting", c.KeyCensus, &vaultdv1.KeyCensusRequest{Name: name})
		if err != nil {
			return err
		}
		type row struct {
			Version     uint32     `json:"version"`
			State       string     `json:"state"`
			Ciphertexts uint64     `json:"ciphertexts"`
			Oldest      *time.Time `json:"oldest"`
		}
		rows := make([]row, 0, len(r.GetVersions()))
		for _, v := range r.GetVersions() {
			rows = append(rows, row{v.GetNumber(), render.State(v.GetState()), v.GetCiphertexts(), timeOf(v.GetOldest())})
		}
		return a.print.Object(struct {
			Key      string `json:"key"`
			Versions []row  `json:"versions"`
			Total    uint64 `json:"total"`
			Most     uint64 `json:"most"`
		}{name, rows, r.GetTotal(), r.GetMost()}, func(t *render.Table) {
			t.Row("VERSION", "STATE", "CIPHERTEXTS", "OLDEST")
			for i, v := range r.GetVersions() {
				t.Row(fmt.Sprint(v.GetNumber()), rows[i].State, fmt.Sprint(v.GetCiphertexts()), a.print.When(v.GetOldest()))
			}
		})
	})
	return cmd
}
