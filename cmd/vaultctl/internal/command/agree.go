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

func (a *app) agree() *cobra.Command {
	var peer, salt, info, out string
	var length, version uint32
	var raw bool
	cmd := &cobra.Command{
		Use:   "agree KEY --peer FILE",
		Short: "Derive a secret with a peer's public key",
		Long: strings.TrimSpace(`
Run key agreement between a key of type x25519, p256, p384 or ffdh-2048 and a
peer's public key, then HKDF-SHA-256 (RFC 5869) over the shared secret, which itself
never leaves the daemon. The output is written as one line of base64, or as it
is with --raw.

This authenticates nobody: it is for protocols that do so themselves. To agree
on a key with somebody, use 'vaultctl exchange'.

Salt and info are taken as they are, or decoded after hex: or base64:.`),
		Example: example(`
vaultctl key public dh > mine.pem
vaultctl agree dh --peer theirs.pem --info "handshake data"
vaultctl agree dh --peer theirs.pem --salt hex:00ff10 --length 64 --raw --out key.bin`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	f := cmd.Flags()
	f.StringVar(&peer, "peer", "", "`FILE` with the peer's public key, PEM or DER (- is standard input)")
	f.StringVar(&salt, "salt", "", "HKDF `SALT` (default: none)")
	f.StringVar(&info, "info", "", "HKDF `INFO`: what the secret is for")
	f.Uint32Var(&length, "length", 32, "bytes of output, `N`")
	f.Uint32Var(&version, "key-version", 0, "`VERSION` that something was made for before; works for expired keys (default: the newest)")
	f.StringVar(&out, "out", "", "write to this `FILE`, readable by you alone, instead of standard output")
	f.BoolVar(&raw, "raw", false, "write the bytes instead of base64")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		request := &vaultdv1.AgreeRequest{Length: length, Version: version}
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
		if peer == "" {
			return needs(cmd, "peer")
		}
		if request.PeerPublicKey, err = a.input(ctx, peer, "peer's public key"); err != nil {
			return err
		}
		r, err := call(ctx, a, "Agreeing", c.Agree, request)
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
