package command

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// signing are the flags that sign and verify share.
type signing struct {
	in        string
	prehashed bool
	hash      *parse.Choice[vaultdv1.HashAlgorithm]
	scheme    *parse.Choice[vaultdv1.SignatureScheme]
	context   string
}

func signingFlags(cmd *cobra.Command) *signing {
	s := &signing{hash: parse.Hash(), scheme: parse.Scheme()}
	f := cmd.Flags()
	f.StringVar(&s.in, "in", "", "read the message from this `FILE` instead of standard input")
	f.BoolVar(&s.prehashed, "prehashed", false, "the input is the digest itself, not the message")
	f.Var(s.hash, "hash", "digest: "+strings.Join(s.hash.Words(), ", ")+" (default: the type's)")
	f.Var(s.scheme, "scheme", "RSA: pss (default, longest salt), pss-salt-hash, pkcs1v15; ECDSA: der (default), raw; Ed25519: ed25519ph")
	f.StringVar(&s.context, "signature-context", "", "context of an Ed25519 signature (RFC 8032), a `TEXT` of up to 255 bytes")
	mustComplete(cmd, "hash", s.hash.Words()...)
	mustComplete(cmd, "scheme", s.scheme.Words()...)
	return s
}

func (a *app) sign() *cobra.Command {
	var out string
	var raw bool
	cmd := &cobra.Command{
		Use:   "sign KEY",
		Short: "Sign standard input, or a file",
		Long: strings.TrimSpace(`
Sign a message with the newest version of an RSA, ECDSA or Ed25519 key. The
signature is written as one line of base64, or as it is with --raw: ASN.1 DER
for ECDSA, 64 bytes for Ed25519, as long as the modulus for RSA.

RSA signs with PSS, SHA-256 and the longest salt unless told otherwise. ECDSA
with --scheme raw gives r and s one after the other, as JWS and WebCrypto have
them.

A message that is too large for a request is hashed here, and its digest signed,
which gives the same signature. Ed25519 signs the message itself; with --scheme
ed25519ph it signs the digest, for messages of any size.`),
		Example: example(`
vaultctl sign signer < release.tar.gz.sha256 > release.sig
vaultctl sign ed --scheme ed25519ph --in big.iso --out big.sig
openssl dgst -sha256 -binary big.iso | vaultctl sign signer --prehashed --raw --out big.sig`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	opts := signingFlags(cmd)
	cmd.Flags().StringVar(&out, "out", "", "write to this `FILE` instead of standard output")
	cmd.Flags().BoolVar(&raw, "raw", false, "write the signature's bytes instead of base64")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		message, err := a.toSign(ctx, c, opts, name)
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Signing", c.Sign, &vaultdv1.SignRequest{
			Key: name, Message: message.bytes, Prehashed: message.hashed, Hash: message.hash, Scheme: opts.scheme.Value,
			SignatureContext: []byte(opts.context),
		})
		if err != nil {
			return err
		}
		if a.print.JSON {
			return a.print.Object(struct {
				Key       string `json:"key"`
				Version   uint32 `json:"version"`
				Signature []byte `json:"signature_base64"`
			}{name, r.GetVersion(), r.GetSignature()}, nil)
		}
		return a.writeEncoded(out, r.GetSignature(), raw)
	})
	return cmd
}

func (a *app) verify() *cobra.Command {
	var signature string
	var version uint32
	cmd := &cobra.Command{
		Use:   "verify KEY --signature FILE",
		Short: "Check a signature over standard input, or a file",
		Long: strings.TrimSpace(`
Check a signature with the public half of a key. The signature file holds base64
or the raw bytes. All versions of the key are tried, the newest first, unless
one is named.

The exit status is 0 when the signature is valid and 7 when it is not.`),
		Example: example(`
vaultctl verify signer --signature release.sig < release.tar.gz.sha256
vaultctl verify signer --signature big.sig --in digest --prehashed`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	protected := parse.Moment{Past: true}
	cmd.Flags().Var(&protected, "protected-at", protectedHelp)
	opts := signingFlags(cmd)
	cmd.Flags().StringVar(&signature, "signature", "", "`FILE` with the signature (- is standard input)")
	cmd.Flags().Uint32Var(&version, "key-version", 0, "only this `VERSION` of the key")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		name, err := a.names.Key(args[0])
		if err != nil {
			return err
		}
		if signature == "" {
			return needs(cmd, "signature")
		}
		sig, err := a.input(ctx, signature, "signature")
		if err != nil {
			return err
		}
		message, err := a.toSign(ctx, c, opts, name)
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Verifying", c.Verify, &vaultdv1.VerifyRequest{
			Key: name, Message: message.bytes, Signature: parse.Signature(sig), Prehashed: message.hashed,
			Hash: message.hash, Scheme: opts.scheme.Value, Version: version, SignatureContext: []byte(opts.context),
			ProtectedAt: protected.Proto(),
		})
		return a.verdict(name, "signature", r, err)
	})
	return cmd
}

// verdict prints the answer to a verification and gives the exit status: a
// result that is not valid is an answer as well, with the status of a failed
// verification.
func (a *app) verdict(key, what string, r interface {
	GetValid() bool
	GetVersion() uint32
}, err error,
) error {
	invalid := fault.E(fault.CodeInvalidSignature, "the %s is not valid", what)
	if what == "MAC" {
		invalid = fault.E(fault.CodeInvalidMAC, "the %s is not valid", what)
	}
	if err != nil && !errors.Is(err, invalid) {
		return err
	}
	valid := err == nil && r.GetValid()
	if a.print.JSON {
		var version uint32
		if valid {
			version = r.GetVersion()
		}
		if err := a.print.Object(struct {
			Key     string `json:"key"`
			Valid   bool   `json:"valid"`
			Version uint32 `json:"version,omitempty"`
		}{key, valid, version}, nil); err != nil {
			return err
		}
		if !valid {
			return answered(fault.ClassCrypto)
		}
		return nil
	}
	if !valid {
		return invalid
	}
	return a.print.Object(nil, func(t *render.Table) {
		t.Line("The %s is valid (%s, version %d).", what, key, r.GetVersion())
	})
}
