package command

import (
	"bytes"
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/agefile"
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
	var binary, asStream bool
	cmd := &cobra.Command{
		Use:   "encrypt KEY",
		Short: "Encrypt standard input, or a file, with a key",
		Long: strings.TrimSpace(`
Encrypt with the newest version of a key. The result is one line of text: vd1:…
for the vault's own ciphertexts, a Fernet token for fernet keys, base64 for RSA
and HPKE. --binary makes it shorter where it need not be text.

More than a megabyte becomes an age file (https://age-encryption.org), of any
size and in little memory: a fresh key encrypts it, and the vault that key.
--stream makes one of less; keys of type x25519 need it, and every age program
that has the private key opens their files. A file named by --out appears when
it is complete.

Context is not secret and not stored: it is bound to the ciphertext, and
decrypting works only with exactly the same pairs, in any order. Use it to say
what the data is for, so that it can't be passed off as something else.

uid=@peer, user=@peer and unit=@peer stand for your own uid, user name or
systemd unit, as the kernel tells the daemon. A key made with --require-context
may put them in by itself. A value that begins with an @ is written @@….`),
		Example: example(`
echo hello | vaultctl encrypt session > hello.vd1
vaultctl encrypt backup --in dump.sql --out dump.vd1 --binary
tar c /home | vaultctl encrypt backup --stream --out home.tar.age
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
	f.BoolVar(&asStream, "stream", false, "write an age file, whatever the size of the input")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		bound, err := parse.Context(pairs)
		if err != nil {
			return err
		}
		src, err := a.source(ctx, in, "plaintext")
		if err != nil {
			return err
		}
		defer src.Close()
		if asStream {
			return a.sealFile(ctx, src, out, a.recipient(ctx, c, name, bound))
		}
		plaintext, whole, err := src.Beginning(stream.MaxInput)
		defer secret.Wipe(plaintext)
		switch {
		case err != nil:
			return err
		case !whole && a.print.JSON:
			return stream.TooLarge(src.Name, stream.MaxInput)
		case !whole:
			return a.sealFile(ctx, src, out, a.recipient(ctx, c, name, bound))
		}
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

An age file is known by its beginning. For x25519 and RSA keys name the key.

Nothing is written unless all of it is authentic, except that an age file larger
than a megabyte goes to standard output piece by piece, each authentic: when it
turns out to be damaged or cut short, what came before is already written, and
the exit status is 7. With --out nothing appears before all is right. A wrong context, a wrong key
and a changed byte give the same answer, invalid_ciphertext.`),
		Example: example(`
vaultctl decrypt < hello.vd1
vaultctl decrypt backup --in dump.vd1 --out dump.sql
vaultctl decrypt --in home.tar.age --out home.tar
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
		src, err := a.source(ctx, in, "ciphertext")
		if err != nil {
			return err
		}
		defer src.Close()
		if beginning, err := src.Peek(agefile.IntroSize); err != nil {
			return err
		} else if agefile.IsFile(beginning) && !binary {
			return a.openFile(ctx, src, out, maxAge.Proto() != nil, a.identity(ctx, c, request.Key, request.Context))
		}
		ciphertext, whole, err := src.Beginning(limit)
		if err != nil {
			return err
		}
		if !whole {
			return stream.TooLarge(src.Name, limit)
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
