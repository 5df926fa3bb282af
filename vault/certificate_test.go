package vault_test

import (
	"crypto"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/certificate"
	"github.com/vaultd/vaultd/vault"
)

var webNames = certificate.Names{
	DNS: []string{"web.example", "*.web.example"}, IP: []string{"192.0.2.1", "2001:db8::1"},
	Email: []string{"root@web.example"}, URI: []string{"spiffe://example/web"},
}

func TestCertificateRequestsByEveryKeyThatSigns(t *testing.T) {
	r := newRig(t)
	for _, kind := range []string{"rsa-2048", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519"} {
		name := r.create("alice/"+kind, kind).Name
		public, err := r.PublicKey(ctx, name, 0)
		if err != nil {
			t.Fatal(err)
		}
		ask := vault.CreateCSR{Key: name, Subject: certificate.Subject{CommonName: "web.example", Organization: []string{"Example"}, Country: []string{"AQ"}}, Names: webNames}
		der, version, err := r.CreateCSR(ctx, ask)
		if err != nil || version != 1 {
			t.Fatalf("%s: %v", kind, err)
		}
		csr, err := x509.ParseCertificateRequest(der)
		if err != nil || csr.CheckSignature() != nil || string(csr.RawSubjectPublicKeyInfo) != string(public.SPKI) {
			t.Errorf("%s: %v, %v", kind, err, csr.CheckSignature())
		}
		if csr.Subject.String() != "CN=web.example,O=Example,C=AQ" || len(csr.DNSNames)+len(csr.IPAddresses)+len(csr.EmailAddresses)+len(csr.URIs) != 6 {
			t.Errorf("%s: %v, %v, %v", kind, csr.Subject, csr.DNSNames, csr.URIs)
		}
		ask.PSS = true
		der, _, err = r.CreateCSR(ctx, ask)
		if kind != "rsa-2048" {
			r.wantCode(err, vault.CodeBadArgument)
		} else if csr, parsed := x509.ParseCertificateRequest(der); err != nil || parsed != nil || csr.SignatureAlgorithm != x509.SHA256WithRSAPSS || csr.CheckSignature() != nil {
			t.Errorf("PSS: %v, %v", err, parsed)
		}
	}
}

func TestSelfSignedCertificatesEndWithTheirKey(t *testing.T) {
	r := newRig(t)
	subject := certificate.Subject{CommonName: "alice"}
	r.createWith(vault.CreateKey{Name: r.name("alice/short"), Type: "ed25519", TTL: time.Hour})
	r.create("alice/long", "ecdsa-p384")
	made := func(c vault.CreateCertificate) (*x509.Certificate, error) {
		c.Subject = subject
		der, _, err := r.CreateCertificate(ctx, c)
		if err != nil {
			return nil, err
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
			t.Error(err)
		}
		return cert, nil
	}
	short, long := vault.CreateCSR{Key: r.name("alice/short")}, vault.CreateCSR{Key: r.name("alice/long")}
	for _, c := range []struct {
		ask  vault.CreateCertificate
		want time.Duration
	}{
		{vault.CreateCertificate{CreateCSR: short}, time.Hour},
		{vault.CreateCertificate{CreateCSR: short, Validity: time.Minute}, time.Minute},
		{vault.CreateCertificate{CreateCSR: long}, 365 * 24 * time.Hour},
		{vault.CreateCertificate{CreateCSR: long, Validity: 100 * 24 * time.Hour}, 100 * 24 * time.Hour},
	} {
		cert, err := made(c.ask)
		if err != nil {
			t.Errorf("%+v: %v", c.ask, err)
			continue
		}
		if got := cert.NotAfter.Sub(cert.NotBefore); got > c.want || got < c.want-2*time.Second {
			t.Errorf("%s for %v is valid for %v, want %v", c.ask.Key, c.ask.Validity, got, c.want)
		}
	}
	_, err := made(vault.CreateCertificate{CreateCSR: short, Validity: 2 * time.Hour})
	r.wantCode(err, vault.CodeBadArgument)
	ca, err := made(vault.CreateCertificate{CreateCSR: long, Authority: true, Usages: []certificate.Usage{certificate.UsageServer, certificate.UsageClient}})
	if err != nil || !ca.IsCA || ca.KeyUsage&x509.KeyUsageCertSign == 0 || len(ca.ExtKeyUsage) != 2 || ca.CheckSignatureFrom(ca) != nil {
		t.Errorf("authority: %+v, %v", ca, err)
	}
	r.clock.Advance(2 * time.Hour)
	_, err = made(vault.CreateCertificate{CreateCSR: short})
	r.wantCode(err, vault.CodeExpired)
	_, _, err = r.CreateCSR(ctx, vault.CreateCSR{Key: short.Key, Subject: subject})
	r.wantCode(err, vault.CodeExpired)
}

func TestCertificateNamesThatAreNone(t *testing.T) {
	r := newRig(t)
	key := r.create("alice/sign", "ed25519").Name
	for _, c := range []vault.CreateCSR{
		{},
		{Subject: certificate.Subject{CommonName: strings.Repeat("x", 65)}},
		{Subject: certificate.Subject{CommonName: "a\nb"}},
		{Subject: certificate.Subject{Organization: []string{""}}},
		{Subject: certificate.Subject{Country: []string{"Germany"}}},
		{Subject: certificate.Subject{Locality: make([]string, 20)}},
		{Names: certificate.Names{DNS: []string{"-a.example"}}},
		{Names: certificate.Names{DNS: []string{"a..example"}}},
		{Names: certificate.Names{DNS: []string{"a b"}}},
		{Names: certificate.Names{DNS: []string{"*"}}},
		{Names: certificate.Names{DNS: make([]string, 101)}},
		{Names: certificate.Names{IP: []string{"1.2.3"}}},
		{Names: certificate.Names{IP: []string{"fe80::1%eth0"}}},
		{Names: certificate.Names{Email: []string{"nobody"}}},
		{Names: certificate.Names{Email: []string{"no body@example"}}},
		{Names: certificate.Names{URI: []string{"/relative"}}},
		{Names: certificate.Names{URI: []string{"http://a b"}}},
		{Subject: certificate.Subject{CommonName: "x"}, Hash: crypto.SHA256}, // Ed25519 has no choice
	} {
		c.Key = key
		_, _, err := r.CreateCSR(ctx, c)
		r.wantCode(err, vault.CodeBadArgument)
	}
	for _, kind := range []string{"xaes-256-gcm", "x25519", "hpke-x25519"} {
		_, _, err := r.CreateCSR(ctx, vault.CreateCSR{Key: r.create("alice/"+kind, kind).Name, Names: webNames})
		r.wantCode(err, vault.CodeWrongKeyUsage)
	}
	_, _, err := r.CreateCertificate(ctx, vault.CreateCertificate{CreateCSR: vault.CreateCSR{Key: key, Names: webNames}})
	r.wantCode(err, vault.CodeBadArgument) // without a subject there is no issuer
}
