package command

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	"github.com/vaultd/vaultd/internal/secret"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

func (a *app) datakey() *cobra.Command {
	var out, plain, public, kind string
	var pairs []string
	var length uint32
	var wrappedOnly, binary bool
	cmd := &cobra.Command{
		Use:   "datakey KEY (--plaintext-out FILE | --wrapped-only)",
		Short: "Make a key for use elsewhere, wrapped with a key",
		Long: strings.TrimSpace(`
Make a data key: random bytes, or with --type a key pair. It is given wrapped,
which is encrypted as 'vaultctl encrypt' does, and in clear where you say. The
vault keeps neither. Use the key in clear, store the wrapped one beside what it
protects, and have 'vaultctl decrypt' open that when it is needed again.

A data key in clear is written as it is: its bytes, or PKCS #8 DER for the
private key of a pair. The public key is SubjectPublicKeyInfo in DER.`),
		Example: example(`
vaultctl datakey backup --plaintext-out key.bin > key.vd1
vaultctl datakey backup --wrapped-only --context file=a > a.key
vaultctl datakey backup --type ed25519 --wrapped-only --public-out id.der > id.vd1
vaultctl datakey backup --length 64 -o json`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	f := cmd.Flags()
	f.Uint32Var(&length, "length", 0, "bytes of the data key, `N` (default 32)")
	f.StringVar(&kind, "type", "", "make a key pair of this `TYPE` instead, such as ed25519")
	f.StringVar(&plain, "plaintext-out", "", "write the data key in clear to this `FILE`, readable by you alone")
	f.BoolVar(&wrappedOnly, "wrapped-only", false, "no data key in clear")
	f.StringVar(&public, "public-out", "", "write the public key of a pair to this `FILE`")
	f.StringVar(&out, "out", "", "write the wrapped data key to this `FILE` instead of standard output")
	f.StringArrayVar(&pairs, "context", nil, contextHelp)
	f.BoolVar(&binary, "binary", false, "write the binary form")
	mustComplete(cmd, "type", "ed25519", "ecdsa-p256", "ecdsa-p384", "x25519", "p256", "rsa-2048", "rsa-3072", "rsa-4096")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		switch {
		case a.print.JSON && (plain != "" || public != ""):
			return fault.E(fault.CodeUsage, "-o json prints the result, so there is nothing for a file").WithHint("use one of the two")
		case !a.print.JSON && (plain == "") != wrappedOnly:
			return fault.E(fault.CodeUsage, "the data key in clear goes to a file, or nowhere").
				WithHint("give --plaintext-out or --wrapped-only, and not both")
		case (plain == "-" || public == "-") && (out == "" || out == "-") || plain == "-" && public == "-":
			return fault.E(fault.CodeUsage, "standard output can't take two results").WithHint("write one of them to a file")
		}
		request := &vaultdv1.GenerateDataKeyRequest{Length: length, Type: kind, WrappedOnly: wrappedOnly, Binary: binary}
		var err error
		if request.Key, err = a.names.Key(args[0]); err != nil {
			return err
		}
		if request.Context, err = parse.Context(pairs); err != nil {
			return err
		}
		r, err := call(ctx, a, "Making a data key", c.GenerateDataKey, request)
		if err != nil {
			return err
		}
		defer secret.Wipe(r.GetPlaintext())
		if a.print.JSON {
			return a.print.Object(struct {
				Key        string `json:"key"`
				Version    uint32 `json:"version"`
				Plaintext  []byte `json:"plaintext_base64,omitempty"`
				Public     []byte `json:"public_key_base64,omitempty"`
				Ciphertext string `json:"ciphertext,omitempty"`
				Binary     []byte `json:"ciphertext_base64,omitempty"`
			}{request.Key, r.GetVersion(), r.GetPlaintext(), r.GetPublicKey(), r.GetCiphertext(), r.GetCiphertextBinary()}, nil)
		}
		// The wrapped key first: one in clear alone is of no use to anybody but a thief.
		if err := a.writeCiphertext(out, r); err != nil {
			return err
		}
		if public != "" {
			if err := stream.Write(a.stdout, public, r.GetPublicKey()); err != nil {
				return err
			}
		}
		if plain == "" {
			return nil
		}
		return stream.Write(a.stdout, plain, a.forTerminal(r.GetPlaintext(), plain))
	})
	return cmd
}
