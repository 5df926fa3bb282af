package command

import (
	"bytes"
	"context"
	"encoding/base64"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/prompt"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	"github.com/vaultd/vaultd/internal/secret"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

func (a *app) keyImport() *cobra.Command {
	var at attributes
	var in string
	format := parse.PrivateFormat()
	cmd := &cobra.Command{
		Use:   "import KEY",
		Short: "Take a key that was made elsewhere into the vault",
		Long: strings.TrimSpace(`
Import private key material from a file or standard input. The format is found
by looking, but for compat, fernet and raw; give --type where the material does
not tell it. Weak keys are refused with the reason.

Formats:
  pkcs8            PEM "PRIVATE KEY" or DER, unencrypted
  pkcs8-encrypted  PEM "ENCRYPTED PRIVATE KEY" (PBES2) or DER
  pkcs1            PEM "RSA PRIVATE KEY" or DER, unencrypted
  sec1             PEM "EC PRIVATE KEY" or DER, unencrypted
  openssh          PEM "OPENSSH PRIVATE KEY", with or without a passphrase
  jwk              JSON Web Key, unencrypted: RSA, EC, OKP, oct
  compat           16-byte salt and a Fernet token over PKCS#8 PEM
  fernet           32 bytes in url-safe base64
  raw              the bytes of a symmetric key`),
		Example: example(`
openssl genpkey -algorithm ed25519 | vaultctl key import deploy
vaultctl key import legacy --in key.pem --passphrase-file ./passphrase
vaultctl key import host --in ~/.ssh/id_ed25519
vaultctl key import shared --type fernet --format fernet --in fernet.key
vaultctl key import cards --type aes-256-gcm --in cards.key --require-context tenant`),
		Args:              takes("KEY"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	at.flags(cmd, "`TYPE` of the key, where the material does not tell it")
	cmd.Flags().Var(format, "format", strings.Join(format.Words(), ", "))
	cmd.Flags().StringVar(&in, "in", "", "read the material from this `FILE` instead of standard input")
	passphrase := secretFlags(cmd, "passphrase")
	mustComplete(cmd, "format", format.Words()...)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		labels, uses, err := at.read()
		if err != nil {
			return err
		}
		if err := a.claimSources(*passphrase); err != nil {
			return err
		}
		material, err := a.input(ctx, in, "key")
		if err != nil {
			return err
		}
		defer secret.Wipe(material)
		encoding := format.Value
		if encoding == vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_UNSPECIFIED {
			encoding = guessFormat(material)
		}
		request := &vaultdv1.ImportKeyRequest{
			Name: name, Type: at.kind, Material: material, Format: encoding,
			Ttl: at.ttl.Proto(), NoExpiry: at.ttl.NoExpiry(), Exportable: at.exportable, Uses: uses, Labels: labels,
			RequireContext: at.require,
			NotBefore:      at.periods.notBefore.Proto(), ProcessTtl: at.periods.processFor.Proto(),
		}
		if encrypted(encoding) || lockedOpenSSH(material) || passphrase.Given() {
			phrase, err := a.ask.Existing(ctx, *passphrase)
			if err != nil {
				return err
			}
			defer phrase.Wipe()
			request.Passphrase = phrase.Bytes()
		}
		r, err := call(ctx, a, "Importing the key", c.ImportKey, request)
		if err != nil {
			return err
		}
		return a.print.Key(r.GetKey())
	})
	return cmd
}

// guessFormat tells the PEM formats by their first line, and leaves the rest to the daemon.
func guessFormat(material []byte) vaultdv1.PrivateKeyFormat {
	text := bytes.TrimSpace(material)
	switch {
	case bytes.HasPrefix(text, []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----")):
		return vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_PKCS8_ENCRYPTED_PEM
	case bytes.HasPrefix(text, []byte("-----BEGIN PRIVATE KEY-----")):
		return vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_PKCS8_PEM
	}
	return vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_UNSPECIFIED
}

// lockedOpenSSH reports whether material is an OpenSSH key with a passphrase: its
// text begins with base64 of "openssh-key-v1", a zero byte and the name of the
// cipher with its length, which for a plain key is "none".
func lockedOpenSSH(material []byte) bool {
	body, ok := bytes.CutPrefix(bytes.TrimSpace(material), []byte("-----BEGIN OPENSSH PRIVATE KEY-----"))
	return ok && !bytes.HasPrefix(bytes.TrimSpace(body), []byte("b3BlbnNzaC1rZXktdjEAAAAABG5vbmU"))
}

// encrypted formats always have a passphrase, but for OpenSSH's, which may.
func encrypted(f vaultdv1.PrivateKeyFormat) bool {
	return f == vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_PKCS8_ENCRYPTED_PEM ||
		f == vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_COMPAT
}

func (a *app) keyExport() *cobra.Command {
	var out string
	var version uint32
	format := parse.PrivateFormat()
	cmd := &cobra.Command{
		Use:   "export KEY",
		Short: "Take the private material of a key out of the vault",
		Long: strings.TrimSpace(`
Export the private material of a key that was created or imported --exportable.
Key pairs come out as PKCS#8 PEM encrypted under a passphrase unless --format
says otherwise; symmetric keys as raw bytes, or as text for fernet. The formats
are those of 'vaultctl key import --help'; compat, pkcs8-encrypted and openssh
take a passphrase, and the others leave the key readable to whoever has the file.

An expired, revoked or destroyed key is not exported. What has left the vault is
no longer protected by it.`),
		Example: example(`
vaultctl key export signer --out signer.pem
vaultctl key export legacy --format compat --passphrase-file ./passphrase --out legacy.key`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	cmd.Flags().Var(format, "format", strings.Join(format.Words(), ", "))
	cmd.Flags().Uint32Var(&version, "key-version", 0, "`VERSION` of the key (default: the newest)")
	cmd.Flags().StringVar(&out, "out", "", "write to this `FILE`, readable by you alone, instead of standard output")
	passphrase := secretFlags(cmd, "passphrase")
	mustComplete(cmd, "format", format.Words()...)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		request := &vaultdv1.ExportKeyRequest{Name: name, Version: version, Format: format.Value}
		wanted, err := a.wantsPassphrase(ctx, c, name, format.Value, *passphrase)
		if err != nil {
			return err
		}
		if wanted {
			phrase, err := a.exportPassphrase(ctx, *passphrase)
			if err != nil {
				return err
			}
			defer phrase.Wipe()
			request.Passphrase = phrase.Bytes()
		}
		r, err := call(ctx, a, "Exporting the key", c.ExportKey, request)
		if err != nil {
			return err
		}
		material := r.GetMaterial()
		defer secret.Wipe(material)
		if a.print.JSON {
			return a.print.Object(struct {
				Key      string `json:"key"`
				Version  uint32 `json:"version"`
				Format   string `json:"format"`
				Material string `json:"material_base64"`
			}{name, r.GetVersion(), format.Name(r.GetFormat()), base64.StdEncoding.EncodeToString(material)}, nil)
		}
		return stream.Write(a.stdout, out, a.forTerminal(material, out))
	})
	return cmd
}

// wantsPassphrase reports whether the export will be encrypted. Without a
// format that depends on the key's type: only key pairs have a public half.
func (a *app) wantsPassphrase(ctx context.Context, c *client.Client, name string, f vaultdv1.PrivateKeyFormat, given prompt.Source) (bool, error) {
	if f != vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_UNSPECIFIED || given.Given() {
		return encrypted(f) || f == vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_OPENSSH || given.Given(), nil
	}
	r, err := call(ctx, a, "Reading the key", c.ShowKey, &vaultdv1.ShowKeyRequest{Name: name})
	if err != nil {
		return false, err
	}
	switch r.GetKey().GetType() {
	case "fernet", "aes-256-gcm", "xaes-256-gcm", "chacha20-poly1305", "hmac-sha256", "aes-256-siv", "aes-256-kwp":
		return false, nil
	}
	return r.GetKey().GetExportable(), nil // the daemon's refusal needs no passphrase
}

func (a *app) exportPassphrase(ctx context.Context, from prompt.Source) (*secret.Bytes, error) {
	if err := a.claimSources(from); err != nil {
		return nil, err
	}
	return a.ask.New(ctx, from)
}
