package command

import (
	"bytes"
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

func (a *app) rewrap() *cobra.Command {
	var in, out, to string
	var pairs, toPairs []string
	var noContext, binary, keep bool
	cmd := &cobra.Command{
		Use:   "rewrap [KEY]",
		Short: "Encrypt a ciphertext anew without showing what is in it",
		Long: strings.TrimSpace(`
Decrypt a ciphertext inside the vault and encrypt it again with the newest
version of the same key, or of another one. Do it after a rotation, so that the
old version can be destroyed.

The context stays the same unless --to-context or --no-context says otherwise.
Under the same key and context this takes the permission to rewrap. To another
key or context it takes those to decrypt and to encrypt.

Where the key tracks its ciphertexts, the new one takes the old one's place:
store it before anything else. --keep leaves both registered, until 'vaultctl
forget' drops the old one.`),
		Example: example(`
vaultctl rewrap < dump.vd1 > dump.new
vaultctl rewrap --to archive --in dump.vd1 --out dump.vd1
vaultctl rewrap --context tenant=42 --to-context tenant=43 < card.vd1`),
		Args:              takes("[KEY]"),
		ValidArgsFunction: a.completeKey,
	}
	f := cmd.Flags()
	f.StringVar(&in, "in", "", "read the ciphertext from this `FILE` instead of standard input")
	f.StringVar(&out, "out", "", "write to this `FILE` instead of standard output")
	f.StringVar(&to, "to", "", "encrypt with this `KEY` (default: the one that it is under)")
	f.StringArrayVar(&pairs, "context", nil, "`NAME=VALUE` that the ciphertext is bound to; uid=@peer is your own (repeatable)")
	f.StringArrayVar(&toPairs, "to-context", nil, "`NAME=VALUE` to bind the new ciphertext to instead (repeatable)")
	f.BoolVar(&noContext, "no-context", false, "bind the new ciphertext to no context")
	f.BoolVar(&binary, "binary", false, "write the binary form")
	f.BoolVar(&keep, "keep", false, "leave the old ciphertext registered")
	mustCompleteBy(cmd, "to", a.completeKeyFlag)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		if noContext && len(toPairs) > 0 {
			return fault.E(fault.CodeUsage, "--no-context leaves nothing for --to-context").WithHint("use one of the two")
		}
		request := &vaultdv1.RewrapRequest{Binary: binary, Keep: keep, ChangeContext: noContext || len(toPairs) > 0}
		var err error
		if len(args) > 0 {
			if request.Key, err = a.names.Key(args[0]); err != nil {
				return err
			}
		}
		if to != "" {
			if request.ToKey, err = a.names.Key(to); err != nil {
				return err
			}
		}
		if request.Context, err = parse.Context(pairs); err != nil {
			return err
		}
		if request.ToContext, err = parse.Context(toPairs); err != nil {
			return err
		}
		request.Ciphertext, request.CiphertextBinary, err = a.ciphertext(ctx, in)
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Rewrapping", c.Rewrap, request)
		if err != nil {
			return err
		}
		if a.print.JSON {
			return a.print.Object(struct {
				Key         string `json:"key"`
				Version     uint32 `json:"version"`
				FromKey     string `json:"from_key"`
				FromVersion uint32 `json:"from_version"`
				Ciphertext  string `json:"ciphertext,omitempty"`
				Binary      []byte `json:"ciphertext_base64,omitempty"`
			}{r.GetKey(), r.GetVersion(), r.GetFromKey(), r.GetFromVersion(), r.GetCiphertext(), r.GetCiphertextBinary()}, nil)
		}
		return a.writeCiphertext(out, r)
	})
	return cmd
}

// ciphertext reads one in either form.
func (a *app) ciphertext(ctx context.Context, in string) (text string, binary []byte, err error) {
	b, err := a.inputUpTo(ctx, in, "ciphertext", stream.MaxText)
	if err != nil {
		return "", nil, err
	}
	if b, err = stream.Compact(b); err != nil {
		return "", nil, err
	}
	if parse.IsText(b) {
		return string(bytes.TrimSpace(b)), nil, nil
	}
	return "", b, nil
}

// writeCiphertext writes an answer's ciphertext in the form that it is in.
func (a *app) writeCiphertext(out string, r interface {
	GetCiphertext() string
	GetCiphertextBinary() []byte
},
) error {
	if b := r.GetCiphertextBinary(); len(b) > 0 {
		return stream.Write(a.stdout, out, a.forTerminal(b, out))
	}
	return stream.Write(a.stdout, out, line(r.GetCiphertext()))
}
