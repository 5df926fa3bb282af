package command

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

func (a *app) key() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Create, show, rotate, move and end keys",
		Long: strings.TrimSpace(`
Make and manage keys. A key is named owner/name, and a name alone is a key of
your own. It has a type, the operations it may be used for, labels, and numbered
versions: rotating adds a version for new data, while older versions still open
what they protected.`),
		Args: cobra.ArbitraryArgs,
		RunE: group,
	}
	cmd.AddCommand(a.keyCreate(), a.keyList(), a.keyShow(), a.keyPublic(), a.keyAge(), a.keyRotate(),
		a.keyImport(), a.keyExport(), a.keyWrap(), a.keyUnwrap(), a.keyJWKS(), a.keyCSR(), a.keyCert(),
		a.keyCensus(), a.keyDestroy(), a.keyRevoke(),
		a.keySuspend(), a.keyResume(), a.keyUpdate(), a.keyCancelDestruction(), a.keyTrim(), a.keyStates())
	return cmd
}

// attributes are the flags that a new key takes, generated or imported.
type attributes struct {
	kind       string
	ttl        parse.Lifetime
	labels     []string
	uses       []string
	require    []string
	exportable bool
	periods    periods
}

func (at *attributes) flags(cmd *cobra.Command, typeHelp string) {
	f := cmd.Flags()
	f.StringVar(&at.kind, "type", "", typeHelp)
	f.Var(&at.ttl, "ttl", "lifetime of each version: 1h, 30d, 1y, none (default: the type's; 1h for fernet, else none)")
	f.StringArrayVar(&at.labels, "label", nil, "label the key with `NAME=VALUE` (repeatable)")
	f.StringSliceVar(&at.uses, "use", nil, "allow only these `USE`s: "+strings.Join(parse.UseNames(), ", "))
	f.StringSliceVar(&at.require, "require-context", nil, "refuse to encrypt or decrypt without these context `NAME`s; uid=@peer, user=@peer, unit=@peer bind to who asks")
	f.BoolVar(&at.exportable, "exportable", false, "allow the private material to be exported; can't be added later")
	at.periods.flags(cmd)
	mustComplete(cmd, "type", keyTypes...)
	mustComplete(cmd, "use", parse.UseNames()...)
	mustComplete(cmd, "ttl", "1h", "1d", "30d", "1y", "none")
	mustComplete(cmd, "require-context", "uid=@peer", "user=@peer", "unit=@peer")
}

func (at *attributes) read() (labels map[string]string, uses []vaultdv1.KeyUse, err error) {
	if labels, err = parse.Labels(at.labels); err != nil {
		return nil, nil, err
	}
	uses, err = parse.Uses(at.uses)
	return labels, uses, err
}

func (a *app) keyCreate() *cobra.Command {
	var at attributes
	var tracked bool
	var every parse.Age
	cmd := &cobra.Command{
		Use:   "create KEY",
		Short: "Generate a key inside the vault",
		Long: strings.TrimSpace(`
Generate a key. It never leaves the vault unless it is created --exportable.

Types:
  xaes-256-gcm         encrypt (the default), also aes-256-gcm, chacha20-poly1305
  fernet               encrypt to Fernet tokens; expires after 1h unless told otherwise
  aes-256-siv          encrypt deterministically: equal plaintexts are seen to be equal
  hmac-sha256          authenticate messages
  rsa-2048/3072/4096   sign; with --use encrypt,decrypt also RSA-OAEP
  ecdsa-p256/p384/p521, ed25519        sign
  x25519, p256, p384, ffdh-2048        agree on a secret with a peer
  hkdf-sha256/sha384/sha512            derive further secrets
  hpke-x25519, hpke-mlkem768-x25519    encrypt to a public key (HPKE), the latter also
                                       against quantum computers
  ml-kem-768                           make a secret for the key's holder
  aes-256-kwp                          wrap other keys; with --use wrap,unwrap also the
                                       RSA and HPKE types

--require-context names what every context of the key must have. With uid=@peer,
user=@peer or unit=@peer the daemon puts in the uid, user name or systemd unit
of whoever encrypts, and only the same can decrypt, whoever else may use the
key. Neither can be changed later.

--tracked has every ciphertext of the key registered, each with a write to the
disk: for a key that wraps data keys. No version that one of them needs can be
destroyed. 'vaultctl key census' counts them.

When a key that only signs expires, its private half is destroyed (NIST SP
800-57): it verifies, but can't be extended any more. 'key states' tells what
is suggested for each type.

A name is used once: a destroyed key keeps its name.`),
		Example: example(`
vaultctl key create session --type fernet --ttl 1h
vaultctl key create backup --label env=prod --label team=db
vaultctl key create signer --type ed25519 --ttl 1y
vaultctl key create mail --rotate-every 30d
vaultctl key create alice/unwrap --type rsa-3072 --use encrypt,decrypt
vaultctl key create cards --require-context tenant,purpose
vaultctl key create alice/shared --require-context uid=@peer
vaultctl key create backup --tracked`),
		Args:              takes("KEY"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.Flags().Var(&every, "rotate-every", "add a version by itself every 30d, at least 1h; older versions still open their data")
	at.flags(cmd, "`TYPE` of the key (default xaes-256-gcm)")
	cmd.Flags().BoolVar(&tracked, "tracked", false, "register every ciphertext, and destroy nothing that one needs; can't be changed later")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		labels, uses, err := at.read()
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Generating the key", c.CreateKey, &vaultdv1.CreateKeyRequest{
			Name: name, Type: at.kind, Ttl: at.ttl.Proto(), NoExpiry: at.ttl.NoExpiry(),
			Exportable: at.exportable, Uses: uses, Labels: labels, RequireContext: at.require,
			Tracked: tracked, RotateEvery: every.Proto(),
			NotBefore: at.periods.notBefore.Proto(), ProcessTtl: at.periods.processFor.Proto(),
		})
		if err != nil {
			return err
		}
		return a.print.Key(r.GetKey())
	})
	return cmd
}

func (a *app) keyRotate() *cobra.Command {
	var ttl parse.Lifetime
	var times periods
	cmd := &cobra.Command{
		Use:   "rotate KEY",
		Short: "Add a version for new data; old data stays readable",
		Long: strings.TrimSpace(`
Add a new version to a key. New data is protected by the newest version; older
versions are deactivated, and still decrypt and verify until they are destroyed.
Rotating an expired key makes it usable again. With --not-before the version
before goes on until then.`),
		Example: example(`
vaultctl key rotate session
vaultctl key rotate session --ttl 30d
vaultctl key rotate signer --not-before 7d`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	times.flags(cmd)
	cmd.Flags().Var(&ttl, "ttl", "lifetime of this and later versions: 1h, 30d, 1y, none (default: the key's)")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Generating the new version", c.RotateKey,
			&vaultdv1.RotateKeyRequest{
				Name: name, Ttl: ttl.Proto(), NoExpiry: ttl.NoExpiry(),
				NotBefore: times.notBefore.Proto(), ProcessTtl: times.processFor.Proto(),
			})
		if err != nil {
			return err
		}
		return a.print.Key(r.GetKey())
	})
	return cmd
}

func (a *app) keyPublic() *cobra.Command {
	var out string
	var version uint32
	format := parse.PublicFormat()
	cmd := &cobra.Command{
		Use:   "public KEY",
		Short: "Print the public half of a key",
		Long: strings.TrimSpace(`
Print the public key, as PEM or DER (SubjectPublicKeyInfo, RFC 5280), as an
OpenSSH authorized_keys line or as a JSON Web Key (RFC 7517). It is not a secret:
give it to whoever verifies, encrypts to you or exchanges keys with you.`),
		Example: example(`
vaultctl key public signer > signer.pem
vaultctl key public signer --format openssh >> ~/.ssh/authorized_keys`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	cmd.Flags().Var(format, "format", "pem (default), der, openssh or jwk")
	cmd.Flags().Uint32Var(&version, "key-version", 0, "`VERSION` of the key (default: the newest)")
	cmd.Flags().StringVar(&out, "out", "", "write to this `FILE` instead of standard output")
	mustComplete(cmd, "format", format.Words()...)
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Reading the public key", c.PublicKey,
			&vaultdv1.PublicKeyRequest{Name: name, Version: version, Format: format.Value})
		if err != nil {
			return err
		}
		if a.print.JSON {
			return a.print.Object(struct {
				Key         string `json:"key"`
				Type        string `json:"type"`
				Version     uint32 `json:"version"`
				Fingerprint string `json:"fingerprint"`
				PublicKey   string `json:"public_key,omitempty"`
				DER         []byte `json:"public_key_base64,omitempty"`
			}{name, r.GetType(), r.GetVersion(), r.GetFingerprint(), textOf(r.GetPublicKey()), binaryOf(r.GetPublicKey())}, nil)
		}
		data := r.GetPublicKey()
		if text := textOf(data); text != "" && !strings.HasSuffix(text, "\n") {
			data = append(data, '\n')
		}
		return stream.Write(a.stdout, out, a.forTerminal(data, out))
	})
	return cmd
}

// textOf is b when it is printable, and binaryOf when it is not.
func textOf(b []byte) string {
	if parse.IsText(b) {
		return string(b)
	}
	return ""
}

func binaryOf(b []byte) []byte {
	if parse.IsText(b) {
		return nil
	}
	return b
}
