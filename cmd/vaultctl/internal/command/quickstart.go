package command

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/autostart"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/prompt"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/quickstart"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	"github.com/vaultd/vaultd/internal/secret"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

func (a *app) quickstart() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "quickstart",
		Short: "Take a tour on a real vault, step by step",
		Long: strings.TrimSpace(`
Take a tour: make a vault of your own (or use the one that is there), create a
symmetric key and a key pair, let two owners authenticate each other and agree
on a session key, encrypt and decrypt with it, and see a changed message refused.
The keys stay; running it again works and makes a new session key.

A new vault needs a password. It is asked for on a terminal, or read as told;
otherwise a random one is made and written to a file that you alone can read.`),
		Example: example(`
vaultctl quickstart
vaultctl quickstart --password-file ./password
vaultctl quickstart -o json < /dev/null`),
		Args: takes(),
	}
	password := secretFlags(cmd, "password")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		owner, err := a.names.Owner()
		if err != nil {
			return err
		}
		if err := a.claimSources(*password); err != nil {
			return err
		}
		summary := &quickstart.Summary{}
		if err := a.openVault(ctx, c, *password, summary); err != nil {
			return err
		}
		tour := &quickstart.Tour{Client: c, Print: a.print, Owner: owner}
		if err := tour.Run(ctx, summary); err != nil {
			return err
		}
		if a.print.JSON {
			return a.print.Object(summary, nil)
		}
		return nil
	})
	return cmd
}

// openVault makes or unseals the vault and says so.
func (a *app) openVault(ctx context.Context, c *client.Client, from prompt.Source, s *quickstart.Summary) error {
	status, err := a.statusOf(ctx, c)
	if err != nil {
		return err
	}
	s.VaultID, s.Vault = status.GetVaultId(), "open"
	switch {
	case !status.GetInitialized():
		password, err := a.firstPassword(ctx, from, s)
		if err != nil {
			return err
		}
		defer password.Wipe()
		r, err := call(ctx, a, "Creating the vault", c.Init, &vaultdv1.InitRequest{Password: password.Bytes()})
		if err != nil {
			return err
		}
		s.VaultID, s.Vault = r.GetVaultId(), "created"
	case status.GetSealed():
		password, err := a.knownPassword(ctx, from, s)
		if err != nil {
			return err
		}
		defer password.Wipe()
		if _, err := call(ctx, a, "Unsealing", c.Unseal, &vaultdv1.UnsealRequest{Password: password.Bytes()}); err != nil {
			return err
		}
		s.Vault = "unsealed"
	}
	if a.print.JSON {
		return nil
	}
	return a.print.Object(nil, func(t *render.Table) {
		t.Line("1. The vault")
		t.Line("   %-9s %s", s.Vault, s.VaultID)
		if s.PasswordFile != "" {
			t.Line("   password  in %s", s.PasswordFile)
		}
	})
}

// firstPassword is the password for a new vault. Without anybody to ask it is
// random and kept in a file, written before the vault exists, so that there is
// never a vault whose password nobody has.
func (a *app) firstPassword(ctx context.Context, from prompt.Source, s *quickstart.Summary) (*secret.Bytes, error) {
	if from.Given() || a.interactive() {
		if !from.Given() {
			a.print.Note("A new vault needs a password. It is the only way in, so keep it safe.")
		}
		return a.ask.New(ctx, from)
	}
	path, err := a.passwordFile()
	if err != nil {
		return nil, err
	}
	s.PasswordFile = path
	if _, err := os.Lstat(path); err == nil { // of an earlier vault, or of an interrupted run
		return a.ask.Existing(ctx, prompt.Source{Name: from.Name, File: path})
	}
	random, err := secret.Read(rand.Reader, 20)
	if err != nil {
		return nil, fmt.Errorf("make a password: %w", err)
	}
	defer random.Wipe()
	password := secret.New(base32.StdEncoding.EncodedLen(random.Len()))
	base32.StdEncoding.Encode(password.Bytes(), random.Bytes())
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		password.Wipe()
		return nil, err
	}
	if err := stream.WriteFile(path, password.Bytes()); err != nil {
		password.Wipe()
		return nil, err
	}
	return password, nil
}

// knownPassword is the password of a sealed vault: the one told, the one in
// the file of an earlier run, or the one that the user types.
func (a *app) knownPassword(ctx context.Context, from prompt.Source, s *quickstart.Summary) (*secret.Bytes, error) {
	if from.Given() {
		return a.ask.Existing(ctx, from)
	}
	if path, err := a.passwordFile(); err == nil {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			s.PasswordFile = path
			return a.ask.Existing(ctx, prompt.Source{Name: from.Name, File: path})
		}
	}
	return a.ask.Existing(ctx, from)
}

// interactive reports whether somebody sits there: a controlling terminal alone
// may be a build machine's.
func (a *app) interactive() bool {
	return !a.print.JSON && render.IsTerminal(a.stdin) && prompt.HasTerminal()
}

func (a *app) passwordFile() (string, error) {
	dir := autostart.Find(a.socket, a.getenv).StateDir
	if dir == "" {
		return "", fault.E(fault.CodeUsage, "there is no place to keep a password in, since HOME is not set").
			WithHint("use --password-file FILE or --password-fd N")
	}
	return filepath.Join(dir, "quickstart-password"), nil
}
