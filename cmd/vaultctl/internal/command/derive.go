package command

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/internal/secret"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

func (a *app) derive() *cobra.Command {
	var salt, info, out string
	var pairs []string
	var length, version uint32
	var raw bool
	cmd := &cobra.Command{
		Use:   "derive KEY",
		Short: "Derive a secret from a derivation key",
		Long: strings.TrimSpace(`
Run HKDF (RFC 5869) over a key of type hkdf-sha256, hkdf-sha384 or hkdf-sha512.
The same version of the key gives the same bytes for the same salt, info,
context and length, so that a secret need not be stored to be had again.

Name the version once the key has been rotated: without --key-version it is the
newest, which gives other bytes.

Context binds the output as it does a ciphertext; uid=@peer is your own uid.
Salt and info are taken as they are, or decoded after hex: or base64:. The
output is one line of base64, or as it is with --raw.`),
		Example: example(`
vaultctl key create master --type hkdf-sha256
vaultctl derive master --info "backup of db1"
vaultctl derive master --context tenant=42 --length 64 --raw --out key.bin
vaultctl derive master --info "backup of db1" --key-version 1`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	f := cmd.Flags()
	f.StringVar(&salt, "salt", "", "HKDF `SALT` (default: none)")
	f.StringVar(&info, "info", "", "HKDF `INFO`: what the secret is for")
	f.StringArrayVar(&pairs, "context", nil, "bind the output to `NAME=VALUE`; uid=@peer is your own (repeatable)")
	f.Uint32Var(&length, "length", 32, "bytes of output, `N`")
	f.Uint32Var(&version, "key-version", 0, "`VERSION` of the key (default: the newest)")
	f.StringVar(&out, "out", "", "write to this `FILE`, readable by you alone, instead of standard output")
	f.BoolVar(&raw, "raw", false, "write the bytes instead of base64")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		request := &vaultdv1.DeriveRequest{Length: length, Version: version}
		var err error
		if request.Key, err = a.names.Key(args[0]); err != nil {
			return err
		}
		if request.Salt, err = parse.Bytes(salt); err != nil {
			return err
		}
		if request.Info, err = parse.Bytes(info); err != nil {
			return err
		}
		if request.Context, err = parse.Context(pairs); err != nil {
			return err
		}
		r, err := call(ctx, a, "Deriving", c.Derive, request)
		if err != nil {
			return err
		}
		defer secret.Wipe(r.GetOutput())
		if a.print.JSON {
			return a.print.Object(struct {
				Key     string `json:"key"`
				Version uint32 `json:"version"`
				Output  []byte `json:"output_base64"`
			}{request.Key, r.GetVersion(), r.GetOutput()}, nil)
		}
		return a.writeEncoded(out, r.GetOutput(), raw)
	})
	return cmd
}
