package command

import (
	"context"
	"encoding/hex"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	"github.com/vaultd/vaultd/internal/secret"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

func (a *app) random() *cobra.Command {
	var out, format string
	var length uint32
	cmd := &cobra.Command{
		Use:   "random",
		Short: "Print random bytes",
		Long: strings.TrimSpace(`
Print bytes from the operating system's random generator, as the daemon gets
them. It works whether or not the vault is unsealed.`),
		Example: example(`
vaultctl random
vaultctl random --length 16 --format hex
vaultctl random --length 1048576 --format raw --out random.bin`),
		Args: takes(),
	}
	f := cmd.Flags()
	f.Uint32Var(&length, "length", 32, "bytes, `N`; up to 1 MiB")
	f.StringVar(&format, "format", "base64", "`FORMAT`: base64, hex or raw")
	f.StringVar(&out, "out", "", "write to this `FILE`, readable by you alone, instead of standard output")
	mustComplete(cmd, "format", "base64", "hex", "raw")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		if format != "base64" && format != "hex" && format != "raw" {
			return fault.E(fault.CodeBadArgument, "%q is not a known format", format).WithHint("one of: base64, hex, raw")
		}
		r, err := call(ctx, a, "Asking for random bytes", c.Random, &vaultdv1.RandomRequest{Length: length})
		if err != nil {
			return err
		}
		defer secret.Wipe(r.GetOutput())
		switch {
		case a.print.JSON:
			return a.print.Object(struct {
				Output []byte `json:"output_base64"`
			}{r.GetOutput()}, nil)
		case format == "hex":
			digits := hex.AppendEncode(make([]byte, 0, 2*len(r.GetOutput())+1), r.GetOutput())
			defer secret.Wipe(digits)
			return stream.Write(a.stdout, out, append(digits, '\n'))
		case format == "raw":
			return stream.Write(a.stdout, out, a.forTerminal(r.GetOutput(), out))
		}
		return a.writeEncoded(out, r.GetOutput(), false)
	})
	return cmd
}
