package certificate_test

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/vaultd/vaultd/crypto/certificate"
	"github.com/vaultd/vaultd/crypto/keytype"
)

// FuzzRequest checks that whatever names are taken come out as they went in.
func FuzzRequest(f *testing.F) {
	kind, _ := keytype.Lookup("ed25519")
	material, err := kind.Generate(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	key, err := kind.Parse(material)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("web.example", "*.example", "192.0.2.1", "a@example", "spiffe://example/a")
	f.Add("é", "a_b.example", "2001:db8::1", "a+b@x.example", "urn:uuid:1")
	f.Fuzz(func(t *testing.T, cn, dns, ip, email, uri string) {
		der, err := certificate.Request(certificate.Signing{Key: key.(keytype.Signer), Random: rand.Reader},
			certificate.Subject{CommonName: cn},
			certificate.Names{DNS: []string{dns}, IP: []string{ip}, Email: []string{email}, URI: []string{uri}})
		if errors.Is(err, certificate.ErrName) {
			return
		}
		if err != nil {
			t.Fatalf("%q, %q, %q, %q, %q: %v", cn, dns, ip, email, uri, err)
		}
		csr, err := x509.ParseCertificateRequest(der)
		if err != nil || csr.CheckSignature() != nil {
			t.Fatalf("%q, %q, %q, %q, %q: %v", cn, dns, ip, email, uri, err)
		}
		if csr.Subject.CommonName != cn || len(csr.DNSNames) != 1 || csr.DNSNames[0] != dns || len(csr.IPAddresses) != 1 ||
			csr.EmailAddresses[0] != email || csr.URIs[0].String() != uri {
			t.Fatalf("other names than asked for: %+v", csr)
		}
	})
}
