package command

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

// certified are the flags of a request for a certificate and of a certificate.
type certified struct {
	subject string
	names   vaultdv1.AlternativeNames
	hash    *parse.Choice[vaultdv1.HashAlgorithm]
	scheme  *parse.Choice[vaultdv1.SignatureScheme]
	out     string
}

func (c *certified) flags(cmd *cobra.Command) *pflag.FlagSet {
	f := cmd.Flags()
	c.hash, c.scheme = parse.Hash(), parse.Scheme()
	f.StringVar(&c.subject, "subject", "", "distinguished `NAME`: CN=web.example,O=Example,C=AQ (CN, O, OU, C, ST, L, serialNumber)")
	f.StringSliceVar(&c.names.Dns, "dns", nil, "host `NAME` in DNS (repeatable)")
	f.StringSliceVar(&c.names.Ip, "ip", nil, "host `ADDRESS`, IPv4 or IPv6 (repeatable)")
	f.StringSliceVar(&c.names.Email, "email", nil, "e-mail `ADDRESS` (repeatable)")
	f.StringSliceVar(&c.names.Uri, "uri", nil, "absolute `URI` (repeatable)")
	f.Var(c.hash, "hash", "sha256, sha384 or sha512 (default: the key type's)")
	f.Var(c.scheme, "scheme", "RSA only: pkcs1v15 (default) or pss-salt-hash")
	f.StringVar(&c.out, "out", "", "write to this `FILE` instead of standard output")
	mustComplete(cmd, "hash", c.hash.Words()...)
	mustComplete(cmd, "scheme", "pkcs1v15", "pss-salt-hash")
	return f
}

func (a *app) keyCSR() *cobra.Command {
	var c certified
	cmd := &cobra.Command{
		Use:   "csr KEY",
		Short: "Request a certificate for a key",
		Long: strings.TrimSpace(`
Make a certificate signing request (PKCS #10, in PEM) that the key signs inside
the vault, for an authority to make a certificate of. Whoever may sign with the
key may do this.`),
		Example: example(`
vaultctl key csr web --subject "CN=web.example,O=Example" --dns web.example,www.web.example
vaultctl key csr web --dns web.example | openssl req -noout -text`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	c.flags(cmd)
	cmd.RunE = a.run(func(ctx context.Context, cl *client.Client, args []string) error {
		request := &vaultdv1.CreateCSRRequest{Names: &c.names, Hash: c.hash.Value, Scheme: c.scheme.Value}
		var err error
		if request.Key, err = a.names.Key(args[0]); err != nil {
			return err
		}
		if request.Subject, err = parse.Subject(c.subject); err != nil {
			return err
		}
		r, err := call(ctx, a, "Signing", cl.CreateCSR, request)
		if err != nil {
			return err
		}
		if a.print.JSON {
			return a.print.Object(struct {
				Key     string `json:"key"`
				Version uint32 `json:"version"`
				CSR     string `json:"csr"`
			}{request.Key, r.GetVersion(), string(r.GetCsr())}, nil)
		}
		return stream.Write(a.stdout, c.out, r.GetCsr())
	})
	return cmd
}

func (a *app) keyCert() *cobra.Command {
	var c certified
	var valid parse.Age
	var authority bool
	var usages []string
	cmd := &cobra.Command{
		Use:   "cert KEY",
		Short: "Make a self-signed certificate for a key",
		Long: strings.TrimSpace(`
Make a certificate (X.509, in PEM) that the key signs for itself inside the vault:
for a test, or as the root of an authority of one's own with --authority. It is
valid from now, and no longer than the newest version of the key is: a year, or
what is left of the version, unless --valid says otherwise. Whoever may sign with
the key may do this.`),
		Example: example(`
vaultctl key cert web --subject CN=web.example --dns web.example --usage server --valid 90d
vaultctl key cert root --subject "CN=Example Root,O=Example" --authority --out root.pem
vaultctl key cert web --subject CN=web.example | openssl x509 -noout -fingerprint -sha256`),
		Args:              takes("KEY"),
		ValidArgsFunction: a.completeKey,
	}
	f := c.flags(cmd)
	f.Var(&valid, "valid", "how long: 1h, 90d, 1y (default: a year, at most as long as the key)")
	f.BoolVar(&authority, "authority", false, "the certificate may sign others")
	f.StringSliceVar(&usages, "usage", nil, "what it is for, `USE`s of: "+strings.Join(parse.CertificateUsageNames(), ", "))
	mustComplete(cmd, "usage", parse.CertificateUsageNames()...)
	mustComplete(cmd, "valid", "1d", "30d", "90d", "1y")
	cmd.RunE = a.run(func(ctx context.Context, cl *client.Client, args []string) error {
		request := &vaultdv1.CreateCertificateRequest{
			Names: &c.names, Hash: c.hash.Value, Scheme: c.scheme.Value, Validity: valid.Proto(), Authority: authority,
		}
		var err error
		if request.Key, err = a.names.Key(args[0]); err != nil {
			return err
		}
		if request.Subject, err = parse.Subject(c.subject); err != nil {
			return err
		}
		if request.Usages, err = parse.CertificateUsages(usages); err != nil {
			return err
		}
		r, err := call(ctx, a, "Signing", cl.CreateCertificate, request)
		if err != nil {
			return err
		}
		if a.print.JSON {
			return a.print.Object(struct {
				Key         string `json:"key"`
				Version     uint32 `json:"version"`
				Certificate string `json:"certificate"`
			}{request.Key, r.GetVersion(), string(r.GetCertificate())}, nil)
		}
		return stream.Write(a.stdout, c.out, r.GetCertificate())
	})
	return cmd
}
