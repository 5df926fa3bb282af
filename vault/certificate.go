package vault

import (
	"context"
	"crypto"
	"time"

	"github.com/vaultd/vaultd/crypto/certificate"
	"github.com/vaultd/vaultd/crypto/keytype"
)

// defaultValidity is that of a self-signed certificate by a key that lives longer.
const defaultValidity = 365 * 24 * time.Hour

// CreateCSR asks for a request for a certificate.
type CreateCSR struct {
	Key     Name
	Subject certificate.Subject
	Names   certificate.Names
	Hash    crypto.Hash // zero is the type's default
	PSS     bool        // RSA: sign by PSS instead of PKCS #1 v1.5
}

// CreateCSR makes a request for a certificate of a key's newest version, which
// signs it, and returns its DER and the version's number. Errors: those of Sign,
// and bad_argument for names that are none.
func (v *Vault) CreateCSR(_ context.Context, c CreateCSR) ([]byte, uint32, error) {
	return v.withSigner(c.Key, func(o *opened, s keytype.Signer, _ time.Time) ([]byte, error) {
		return certificate.Request(certificate.Signing{Key: s, Hash: c.Hash, PSS: c.PSS, Random: o.random}, c.Subject, c.Names)
	})
}

// CreateCertificate asks for a self-signed certificate.
type CreateCertificate struct {
	CreateCSR
	Validity  time.Duration // zero is a year, or the rest of the version's life where that is shorter
	Authority bool          // may sign other certificates
	Usages    []certificate.Usage
}

// CreateCertificate makes a certificate of a key's newest version that the
// version itself signs, valid from now and no longer than the version is.
// Results and errors are those of CreateCSR.
func (v *Vault) CreateCertificate(_ context.Context, c CreateCertificate) ([]byte, uint32, error) {
	if c.Validity < 0 || c.Validity > MaxTTL || c.Validity > 0 && c.Validity < time.Second {
		return nil, 0, E(CodeBadArgument, "a certificate is valid from a second to 100 years")
	}
	return v.withSigner(c.Key, func(o *opened, s keytype.Signer, notAfter time.Time) ([]byte, error) {
		now := o.clock.now().Truncate(time.Second)
		end := now.Add(c.Validity)
		switch {
		case c.Validity == 0:
			end = now.Add(defaultValidity)
			if !notAfter.IsZero() && end.After(notAfter) {
				end = notAfter
			}
		case !notAfter.IsZero() && end.After(notAfter):
			return nil, E(CodeBadArgument, "the certificate would be valid beyond its key, which expires %s", notAfter.UTC().Format(time.RFC3339)).
				WithHint("ask for less, or rotate the key with a longer lifetime first")
		}
		return certificate.Create(certificate.Signing{Key: s, Hash: c.Hash, PSS: c.PSS, Random: o.random}, certificate.SelfSigned{
			Subject: c.Subject, Names: c.Names, NotBefore: now, NotAfter: end, Authority: c.Authority, Usages: c.Usages,
		})
	})
}
