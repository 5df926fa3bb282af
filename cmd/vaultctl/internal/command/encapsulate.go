package command

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	"github.com/vaultd/vaultd/internal/secret"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

// derived are the flags of a secret that is derived from a shared key.
type derived struct {
	salt, info, out string
	length          uint32
	raw             bool
}

func (d *derived) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&d.salt, "salt", "", "HKDF `SALT` (default: none)")
	f.StringVar(&d.info, "info", "", "HKDF `INFO`: what the secret is for")
	f.Uint32Var(&d.length, "length", 32, "bytes of output, `N`")
	f.StringVar(&d.out, "out", "", "write to this `FILE`, readable by you alone, instead of standard output")
	f.BoolVar(&d.raw, "raw", false, "write the bytes instead of base64")
}

func (d *derived) read() (salt, info []byte, err error) {
	if salt, err = parse.Bytes(d.salt); err != nil {
		return nil, nil, err
	}
	info, err = parse.Bytes(d.info)
	return salt, info, err
}

func (a *app) encapsulate() *cobra.Command {
	var d derived
	var ciphertext string
	cmd := &cobra.Command{
		Use:   "encapsulate KEY --ciphertext FILE",
		Short: "Make a secret that the holder of an ML-KEM key can have",
		Long: strings.TrimSpace(`
Make a shared key for a key of type ml-kem-768 (FIPS 203), and derive a secret from
it by HKDF-SHA-256 (RFC 5869). The secret is written as one line of base64, or as
it is with --raw; the ciphertext goes to a file, as one line of base64, for
'vaultctl decapsulate'. The shared key itself never leaves the daemon.

Salt and info are taken as they are, or decoded after hex: or base64:.`),
		Example: example(`
vaultctl encapsulate kem --info "backup 7" --ciphertext backup.kem --out backup.key --raw
vaultctl decapsulate kem --info "backup 7" --in backup.kem --out backup.key --raw`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	d.flags(cmd)
	cmd.Flags().StringVar(&ciphertext, "ciphertext", "", "write the ciphertext to this `FILE`")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		request := &vaultdv1.EncapsulateRequest{Length: d.length}
		var err error
		if request.Key, err = a.names.Key(args[0]); err != nil {
			return err
		}
		if request.Salt, request.Info, err = d.read(); err != nil {
			return err
		}
		if ciphertext == "" && !a.print.JSON {
			return needs(cmd, "ciphertext")
		}
		r, err := call(ctx, a, "Encapsulating", c.Encapsulate, request)
		if err != nil {
			return err
		}
		defer secret.Wipe(r.GetOutput())
		if ciphertext != "" {
			if err := stream.Write(a.stdout, ciphertext, line(base64.StdEncoding.EncodeToString(r.GetCiphertext()))); err != nil {
				return err
			}
		}
		if a.print.JSON {
			return a.print.Object(struct {
				Key        string `json:"key"`
				Version    uint32 `json:"version"`
				Output     []byte `json:"output_base64"`
				Ciphertext []byte `json:"ciphertext_base64"`
			}{request.Key, r.GetVersion(), r.GetOutput(), r.GetCiphertext()}, nil)
		}
		return a.writeEncoded(d.out, r.GetOutput(), d.raw)
	})
	return cmd
}

func (a *app) decapsulate() *cobra.Command {
	var d derived
	var in string
	var version uint32
	cmd := &cobra.Command{
		Use:   "decapsulate KEY",
		Short: "Derive the secret of an encapsulation again",
		Long: strings.TrimSpace(`
Open a ciphertext with a key of type ml-kem-768, and derive the same secret as
'vaultctl encapsulate', given the same salt, info and length. The ciphertext is
base64, or the bytes as other programs write them.

ML-KEM has no error for a ciphertext that was changed or is for another version of
the key: it gives a secret that nobody else has. After a rotation, --key-version
says which version it is for.`),
		Example: example(`
vaultctl decapsulate kem --info "backup 7" --in backup.kem --out backup.key --raw
vaultctl decapsulate kem --key-version 1 < old.kem`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	d.flags(cmd)
	cmd.Flags().StringVar(&in, "in", "", "read the ciphertext from this `FILE` instead of standard input")
	cmd.Flags().Uint32Var(&version, "key-version", 0, "`VERSION` of the key (default: the newest)")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		request := &vaultdv1.DecapsulateRequest{Length: d.length, Version: version}
		var err error
		if request.Key, err = a.names.Key(args[0]); err != nil {
			return err
		}
		if request.Salt, request.Info, err = d.read(); err != nil {
			return err
		}
		data, err := a.input(ctx, in, "ciphertext")
		if err != nil {
			return err
		}
		request.Ciphertext = data
		if text, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(string(data))); err == nil {
			request.Ciphertext = text
		}
		r, err := call(ctx, a, "Decapsulating", c.Decapsulate, request)
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
		return a.writeEncoded(d.out, r.GetOutput(), d.raw)
	})
	return cmd
}
