package command

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

const wrapAlgorithms = `
Algorithms:
  aes-kwp      AES key wrap with padding (RFC 5649), for keys of type aes-256-kwp
  rsa-aes-kwp  RSA-OAEP with SHA-256 over an AES key, then AES-KWP: what PKCS #11
               devices (CKM_RSA_AES_KEY_WRAP) and cloud services import
  rsa-oaep     RSA-OAEP with SHA-256 alone, for symmetric keys
  hpke         HPKE (RFC 9180) with the info "vaultd/1/wrap", for the HPKE types`

func (a *app) keyWrap() *cobra.Command {
	var with, public, out string
	var version uint32
	algorithm := parse.Wrapping()
	cmd := &cobra.Command{
		Use:   "wrap KEY",
		Short: "Encrypt a key under another, for another vault or a device",
		Long: strings.TrimSpace(`
Encrypt a key that was made --exportable under another key: one of this vault that
may wrap (--with), or the public key of another vault, a device or a service
(--public-key). Key pairs are wrapped as PKCS #8 DER, symmetric keys as they are.
It takes the right to export the key, and with --with the right to wrap.
`) + "\n" + wrapAlgorithms,
		Example: example(`
vaultctl key wrap session --public-key device.pem --out session.wrapped
vaultctl key wrap session --with kek | vaultctl key unwrap copy --with kek --type xaes-256-gcm`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	f := cmd.Flags()
	f.StringVar(&with, "with", "", "wrap under this `KEY` of the vault")
	f.StringVar(&public, "public-key", "", "wrap under the public key in this `FILE`, PEM or DER (- is standard input)")
	f.Var(algorithm, "algorithm", strings.Join(algorithm.Words(), ", ")+" (default: the wrapping key's own)")
	f.Uint32Var(&version, "key-version", 0, "`VERSION` of the key (default: the newest)")
	f.StringVar(&out, "out", "", "write to this `FILE`, readable by you alone, instead of standard output")
	mustComplete(cmd, "algorithm", algorithm.Words()...)
	mustCompleteBy(cmd, "with", a.completeKeyFlag)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		request := &vaultdv1.WrapKeyRequest{Version: version, Algorithm: algorithm.Value}
		var err error
		if request.Key, err = a.names.Key(args[0]); err != nil {
			return err
		}
		switch {
		case (with == "") == (public == ""):
			return fault.E(fault.CodeUsage, "a key is wrapped --with a key or under a --public-key").WithHint("give one of the two")
		case with != "":
			request.WrappingKey, err = a.names.Key(with)
		default:
			request.WrappingPublicKey, err = a.input(ctx, public, "public key")
		}
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Wrapping the key", c.WrapKey, request)
		if err != nil {
			return err
		}
		if a.print.JSON {
			return a.print.Object(struct {
				Key       string `json:"key"`
				Type      string `json:"type"`
				Version   uint32 `json:"version"`
				With      string `json:"with,omitempty"`
				Wrapping  uint32 `json:"with_version,omitempty"`
				Print     string `json:"with_fingerprint"`
				Algorithm string `json:"algorithm"`
				Wrapped   []byte `json:"wrapped_base64"`
			}{
				request.Key, r.GetType(), r.GetVersion(), request.GetWrappingKey(), r.GetWrappingVersion(), r.GetWrappingFingerprint(),
				algorithm.Name(r.GetAlgorithm()), r.GetWrapped(),
			}, nil)
		}
		return stream.Write(a.stdout, out, a.forTerminal(r.GetWrapped(), out))
	})
	return cmd
}

func (a *app) keyUnwrap() *cobra.Command {
	var at attributes
	var with, in string
	algorithm := parse.Wrapping()
	cmd := &cobra.Command{
		Use:   "unwrap KEY --with KEY",
		Short: "Make a key of one that comes wrapped",
		Long: strings.TrimSpace(`
Decrypt a wrapped key with a key of this vault that may unwrap, and store what it
holds as a new key. The material is never shown, and the new key can't be
exported. It takes the right to import the new key, and to unwrap with the other.

The type of a key pair is found by looking; a symmetric key needs --type.
`) + "\n" + wrapAlgorithms,
		Example: example(`
vaultctl key create kek --type rsa-3072 --use wrap,unwrap
vaultctl key public kek > kek.pem
vaultctl key unwrap session --with kek --type xaes-256-gcm --in session.wrapped
vaultctl key unwrap signer --with kek --ttl 1y --in signer.wrapped`),
		Args:              takes("KEY"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	at.flags(cmd, "`TYPE` of the key, needed for a symmetric one")
	_ = cmd.Flags().MarkHidden("exportable")
	f := cmd.Flags()
	f.StringVar(&with, "with", "", "unwrap with this `KEY` of the vault")
	f.Var(algorithm, "algorithm", strings.Join(algorithm.Words(), ", ")+" (default: the unwrapping key's own)")
	f.StringVar(&in, "in", "", "read the wrapped key from this `FILE` instead of standard input")
	mustComplete(cmd, "algorithm", algorithm.Words()...)
	mustCompleteBy(cmd, "with", a.completeKeyFlag)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		request := &vaultdv1.UnwrapKeyRequest{
			Algorithm: algorithm.Value, Type: at.kind, Ttl: at.ttl.Proto(), NoExpiry: at.ttl.NoExpiry(), RequireContext: at.require,
		}
		var err error
		if request.Name, err = a.names.Key(args[0]); err != nil {
			return err
		}
		if with == "" {
			return needs(cmd, "with")
		}
		if request.UnwrappingKey, err = a.names.Key(with); err != nil {
			return err
		}
		if at.exportable {
			return fault.E(fault.CodeUsage, "a key that comes wrapped can't be made exportable").
				WithHint("wrap it for the next vault where it was made")
		}
		if request.Labels, request.Uses, err = at.read(); err != nil {
			return err
		}
		if request.Wrapped, err = a.input(ctx, in, "wrapped key"); err != nil {
			return err
		}
		r, err := call(ctx, a, "Unwrapping the key", c.UnwrapKey, request)
		if err != nil {
			return err
		}
		return a.print.Key(r.GetKey())
	})
	return cmd
}
