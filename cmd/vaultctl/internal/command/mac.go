package command

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

func (a *app) mac() *cobra.Command {
	var in, out string
	var raw bool
	cmd := &cobra.Command{
		Use:   "mac KEY",
		Short: "Authenticate standard input, or a file, with an HMAC key",
		Long: strings.TrimSpace(`
Compute the HMAC-SHA-256 of a message with the newest version of a key of type
hmac-sha256. It is written as one line of base64, or as 32 bytes with --raw.`),
		Example: example(`
vaultctl mac webhook < body.json > body.mac
vaultctl mac verify webhook --mac body.mac < body.json`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	cmd.Flags().StringVar(&in, "in", "", "read the message from this `FILE` instead of standard input")
	cmd.Flags().StringVar(&out, "out", "", "write to this `FILE` instead of standard output")
	cmd.Flags().BoolVar(&raw, "raw", false, "write the MAC's bytes instead of base64")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		message, err := a.input(ctx, in, "message")
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Computing the MAC", c.MAC, &vaultdv1.MACRequest{Key: name, Message: message})
		if err != nil {
			return err
		}
		if a.print.JSON {
			return a.print.Object(struct {
				Key     string `json:"key"`
				Version uint32 `json:"version"`
				MAC     []byte `json:"mac_base64"`
			}{name, r.GetVersion(), r.GetMac()}, nil)
		}
		return a.writeEncoded(out, r.GetMac(), raw)
	})
	cmd.AddCommand(a.macVerify())
	return cmd
}

func (a *app) macVerify() *cobra.Command {
	var in, mac string
	var version uint32
	cmd := &cobra.Command{
		Use:   "verify KEY --mac FILE",
		Short: "Check a MAC over standard input, or a file",
		Long: strings.TrimSpace(`
Check a MAC in constant time. The file holds base64 or the raw bytes. All
versions of the key are tried, the newest first, unless one is named.

The exit status is 0 when the MAC is valid and 7 when it is not.`),
		Example:           example("vaultctl mac verify webhook --mac body.mac < body.json"),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	cmd.Flags().StringVar(&in, "in", "", "read the message from this `FILE` instead of standard input")
	cmd.Flags().StringVar(&mac, "mac", "", "`FILE` with the MAC (- is standard input)")
	cmd.Flags().Uint32Var(&version, "key-version", 0, "only this `VERSION` of the key")
	protected := parse.Moment{Past: true}
	cmd.Flags().Var(&protected, "protected-at", protectedHelp)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		if mac == "" {
			return needs(cmd, "mac")
		}
		tag, err := a.input(ctx, mac, "MAC")
		if err != nil {
			return err
		}
		message, err := a.input(ctx, in, "message")
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Verifying", c.VerifyMAC,
			&vaultdv1.VerifyMACRequest{Key: name, Message: message, Mac: parse.Signature(tag), Version: version, ProtectedAt: protected.Proto()})
		return a.verdict(name, "MAC", r, err)
	})
	return cmd
}
