package command

import (
	"context"
	"io"

	"filippo.io/age"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/agefile"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	"github.com/vaultd/vaultd/internal/secret"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// keys are the operations of the daemon that age files need, each within the
// time limit and with the wait for an approval, as of every command.
type keys struct {
	a *app
	c *client.Client
}

func (k keys) Encrypt(ctx context.Context, q *vaultdv1.EncryptRequest) (*vaultdv1.EncryptResponse, error) {
	return call(ctx, k.a, "Encrypting the file's key", k.c.Encrypt, q)
}

func (k keys) Decrypt(ctx context.Context, q *vaultdv1.DecryptRequest) (*vaultdv1.DecryptResponse, error) {
	return call(ctx, k.a, "Decrypting the file's key", k.c.Decrypt, q)
}

func (k keys) Agree(ctx context.Context, q *vaultdv1.AgreeRequest) (*vaultdv1.AgreeResponse, error) {
	return call(ctx, k.a, "Decrypting the file's key", k.c.Agree, q)
}

func (k keys) PublicKey(ctx context.Context, q *vaultdv1.PublicKeyRequest) (*vaultdv1.PublicKeyResponse, error) {
	return call(ctx, k.a, "Reading the public key", k.c.PublicKey, q)
}

func (k keys) ShowKey(ctx context.Context, q *vaultdv1.ShowKeyRequest) (*vaultdv1.ShowKeyResponse, error) {
	return call(ctx, k.a, "Looking at the key", k.c.ShowKey, q)
}

func (a *app) recipient(ctx context.Context, c *client.Client, name string, bound []*vaultdv1.ContextPair) age.Recipient {
	return &agefile.Recipient{Ctx: ctx, Vault: keys{a, c}, Key: name, Context: bound}
}

func (a *app) identity(ctx context.Context, c *client.Client, name string, bound []*vaultdv1.ContextPair) age.Identity {
	return &agefile.Identity{Ctx: ctx, Vault: keys{a, c}, Key: name, Context: bound}
}

// sealFile writes the source as an age file.
func (a *app) sealFile(ctx context.Context, src *stream.Source, out string, to age.Recipient) error {
	switch {
	case a.print.JSON:
		return fault.E(fault.CodeUsage, "an age file is no JSON").WithHint("leave out -o json")
	case toStdout(out) && render.IsTerminal(a.stdout):
		return fault.E(fault.CodeUsage, "an age file is not for a terminal").WithHint("name a file with --out, or pipe it")
	}
	return a.pass(ctx, "Encrypting", src, out, func(dst io.Writer, from io.Reader) error {
		return agefile.Seal(dst, from, to)
	})
}

// openFile writes the plaintext of an age file.
func (a *app) openFile(ctx context.Context, src *stream.Source, out string, maxAge bool, by age.Identity) error {
	switch {
	case maxAge:
		return fault.E(fault.CodeUsage, "an age file does not tell when it was made").WithHint("--max-age is for Fernet tokens")
	case a.print.JSON:
		return fault.E(fault.CodeUsage, "the plaintext of an age file is no JSON").WithHint("leave out -o json")
	}
	return a.pass(ctx, "Decrypting", src, out, func(dst io.Writer, from io.Reader) error {
		plaintext, err := agefile.Open(from, by)
		if err != nil {
			return err
		}
		if !toStdout(out) {
			_, err = io.CopyBuffer(onlyWriter{dst}, plaintext, make([]byte, 64<<10))
			return err
		}
		return a.toStdout(dst, plaintext)
	})
}

// toStdout writes a small plaintext when all of it has proved to be authentic,
// and a large one as it comes.
func (a *app) toStdout(dst io.Writer, plaintext io.Reader) error {
	beginning := make([]byte, stream.MaxInput)
	defer secret.Wipe(beginning)
	n, err := io.ReadFull(plaintext, beginning)
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		_, err = dst.Write(a.forTerminal(beginning[:n], ""))
		return err
	case err != nil:
		return err
	case render.IsTerminal(a.stdout):
		return fault.E(fault.CodeTooLarge, "the plaintext is too large for a terminal").WithHint("name a file with --out, or pipe it")
	}
	if _, err := dst.Write(beginning); err != nil {
		return err
	}
	_, err = io.CopyBuffer(onlyWriter{dst}, plaintext, make([]byte, 64<<10))
	return err
}

// onlyWriter hides what io.Copy would rather use than the buffer.
type onlyWriter struct{ io.Writer }

func toStdout(out string) bool { return out == "" || out == "-" }

// pass runs a source through convert into a file, which appears only when all
// went well, or to standard output.
func (a *app) pass(ctx context.Context, what string, src *stream.Source, out string, convert func(io.Writer, io.Reader) error) error {
	dst := a.stdout
	var file *stream.File
	if !toStdout(out) {
		var err error
		if file, err = stream.Create(out); err != nil {
			return err
		}
		defer file.Abort()
		dst = file
	}
	progress := a.print.Transfer(what, src.Size)
	defer progress.Stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	behind := stream.WriteBehind(ctx, dst)
	defer behind.Wipe()
	if err := convert(behind, io.TeeReader(src, progress)); err != nil {
		return err
	}
	if err := behind.Close(); err != nil || file == nil {
		return err
	}
	return file.Commit()
}
