package command

import (
	"bytes"
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	"github.com/vaultd/vaultd/internal/secret"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

const contextHelp = "bind `NAME=VALUE` to the ciphertext; decrypting needs the same; uid=@peer is your own (repeatable)"

func (a *app) encrypt() *cobra.Command {
	var in, out string
	var pairs []string
	var binary bool
	cmd := &cobra.Command{
		Use:   "encrypt KEY",
		Short: "Encrypt standard input, or a file, with a key",
		Long: strings.TrimSpace(`
Encrypt with the newest version of a key. The result is one line of text: vd1:…
for the vault's own ciphertexts, a Fernet token for fernet keys, base64 for RSA
and HPKE. --binary makes it shorter where it need not be text.

Context is not secret and not stored: it is bound to the ciphertext, and
decrypting works only with exactly the same pairs, in any order. Use it to say
what the data is for, so that it can't be passed off as something else.

uid=@peer, user=@peer and unit=@peer stand for your own uid, user name or
systemd unit, as the kernel tells the daemon. A key made with --require-context
may put them in by itself. A value that begins with an @ is written @@….`),
		Example: example(`
echo hello | vaultctl encrypt session > hello.vd1
vaultctl encrypt backup --in dump.sql --out dump.vd1 --binary
vaultctl encrypt session --context tenant=42 --context table=cards < card.json
vaultctl encrypt alice/shared --context uid=@peer < mine`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	f := cmd.Flags()
	f.StringVar(&in, "in", "", "read the plaintext from this `FILE` instead of standard input")
	f.StringVar(&out, "out", "", "write to this `FILE` instead of standard output")
	f.StringArrayVar(&pairs, "context", nil, contextHelp)
	f.BoolVar(&binary, "binary", false, "write the binary form")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		bound, err := parse.Context(pairs)
		if err != nil {
			return err
		}
		plaintext, err := a.input(ctx, in, "plaintext")
		if err != nil {
			return err
		}
		defer secret.Wipe(plaintext)
		r, err := call(ctx, a, "Encrypting", c.Encrypt,
			&vaultdv1.EncryptRequest{Key: name, Plaintext: plaintext, Context: bound, Binary: binary})
		if err != nil {
			return err
		}
		if a.print.JSON {
			return a.print.Object(struct {
				Key        string `json:"key"`
				Version    uint32 `json:"version"`
				Ciphertext string `json:"ciphertext,omitempty"`
				Binary     []byte `json:"ciphertext_base64,omitempty"`
			}{name, r.GetVersion(), r.GetCiphertext(), r.GetCiphertextBinary()}, nil)
		}
		if binary {
			return stream.Write(a.stdout, out, a.forTerminal(r.GetCiphertextBinary(), out))
		}
		return stream.Write(a.stdout, out, line(r.GetCiphertext()))
	})
	return cmd
}

// protectedHelp is of the flag by which a user answers for the age of data.
const protectedHelp = "it is certainly as old as: 2d (ago), 2026-11-20; opens suspended, and for administrators revoked keys"

func (a *app) decrypt() *cobra.Command {
	var in, out string
	var pairs []string
	var maxAge parse.Age
	protected := parse.Moment{Past: true}
	var binary bool
	cmd := &cobra.Command{
		Use:   "decrypt [KEY]",
		Short: "Decrypt standard input, or a file",
		Long: strings.TrimSpace(`
Decrypt a ciphertext in text or binary form and write exactly the bytes that
were encrypted. The vault's own ciphertexts (vd1:…) name their key; naming it
here as well insists on it. Fernet tokens, RSA and HPKE ciphertexts
need the name.

Nothing is written unless all of it is authentic. A wrong context, a wrong key
and a changed byte give the same answer, invalid_ciphertext.`),
		Example: example(`
vaultctl decrypt < hello.vd1
vaultctl decrypt backup --in dump.vd1 --out dump.sql
vaultctl decrypt session --max-age 5m < token`),
		Args:              takes("[KEY]"),
		ValidArgsFunction: a.completeKey,
	}
	f := cmd.Flags()
	f.StringVar(&in, "in", "", "read the ciphertext from this `FILE` instead of standard input")
	f.StringVar(&out, "out", "", "write to this `FILE`, readable by you alone, instead of standard output")
	f.StringArrayVar(&pairs, "context", nil, "`NAME=VALUE` that the ciphertext is bound to; uid=@peer is your own (repeatable)")
	f.BoolVar(&binary, "binary", false, "take the input for the binary form, whatever it looks like")
	f.Var(&maxAge, "max-age", "refuse Fernet tokens older than this")
	f.Var(&protected, "protected-at", protectedHelp)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		request := &vaultdv1.DecryptRequest{MaxAge: maxAge.Proto(), ProtectedAt: protected.Proto()}
		var err error
		if len(args) > 0 {
			if request.Key, err = a.names.Key(args[0]); err != nil {
				return err
			}
		}
		if request.Context, err = parse.Context(pairs); err != nil {
			return err
		}
		limit := stream.MaxText
		if binary {
			limit = stream.MaxCiphertext
		}
		ciphertext, err := a.inputUpTo(ctx, in, "ciphertext", limit)
		if err != nil {
			return err
		}
		if !binary {
			if ciphertext, err = stream.Compact(ciphertext); err != nil {
				return err
			}
		}
		if parse.IsText(ciphertext) && !binary {
			request.Ciphertext = string(bytes.TrimSpace(ciphertext))
		} else {
			request.CiphertextBinary = ciphertext
		}
		r, err := call(ctx, a, "Decrypting", c.Decrypt, request)
		if err != nil {
			return err
		}
		defer secret.Wipe(r.GetPlaintext())
		if a.print.JSON {
			return a.print.Object(struct {
				Key       string `json:"key"`
				Version   uint32 `json:"version"`
				Plaintext []byte `json:"plaintext_base64"`
			}{r.GetKey(), r.GetVersion(), r.GetPlaintext()}, nil)
		}
		return stream.Write(a.stdout, out, a.forTerminal(r.GetPlaintext(), out))
	})
	return cmd
}
