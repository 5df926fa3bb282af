package client_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

var signingTypes = []string{"ecdsa-p256", "ecdsa-p384", "ed25519", "rsa-2048"}

func TestSignerMakesCertificateRequests(t *testing.T) {
	c := dial(t)
	for _, kind := range signingTypes {
		t.Run(kind, func(t *testing.T) {
			create(t, c, "root/"+kind, kind)
			signer, err := c.Signer(t.Context(), "root/"+kind)
			if err != nil {
				t.Fatal(err)
			}
			algorithms := []x509.SignatureAlgorithm{x509.UnknownSignatureAlgorithm}
			if kind == "rsa-2048" {
				algorithms = append(algorithms, x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
					x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS)
			}
			for _, a := range algorithms {
				der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
					Subject: pkix.Name{CommonName: "test"}, SignatureAlgorithm: a,
				}, signer)
				if err != nil {
					t.Fatalf("%v: %v", a, err)
				}
				request, err := x509.ParseCertificateRequest(der)
				if err != nil {
					t.Fatal(err)
				}
				if err := request.CheckSignature(); err != nil {
					t.Errorf("%v: %v", a, err)
				}
			}
		})
	}
}

func TestSignerServesTLS(t *testing.T) {
	c := dial(t)
	for _, kind := range signingTypes {
		t.Run(kind, func(t *testing.T) {
			create(t, c, "root/"+kind, kind)
			signer, err := c.Signer(t.Context(), "root/"+kind)
			if err != nil {
				t.Fatal(err)
			}
			template := &x509.Certificate{
				SerialNumber: big.NewInt(1), DNSNames: []string{"vault.test"},
				NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
				IsCA: true, BasicConstraintsValid: true,
			}
			der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
			if err != nil {
				t.Fatal(err)
			}
			certificate, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			roots := x509.NewCertPool()
			roots.AddCert(certificate)
			near, far := net.Pipe()
			server := tls.Server(far, &tls.Config{
				MinVersion:   tls.VersionTLS13,
				Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: signer}},
			})
			done := make(chan error, 1)
			go func() { done <- server.HandshakeContext(t.Context()); _ = far.Close() }()
			browser := tls.Client(near, &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: "vault.test"})
			if err := browser.HandshakeContext(t.Context()); err != nil {
				t.Error(err)
			}
			_ = near.Close()
			<-done
		})
	}
}

func TestSignerNoticesARotation(t *testing.T) {
	c := dial(t)
	create(t, c, "root/k", "ecdsa-p256")
	signer, err := c.Signer(t.Context(), "root/k")
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("x"))
	signature, err := signer.Sign(nil, digest[:], crypto.SHA256)
	if err != nil || !ecdsa.VerifyASN1(signer.Public().(*ecdsa.PublicKey), digest[:], signature) {
		t.Fatal("before:", err)
	}
	if _, err := c.RotateKey(t.Context(), &vaultdv1.RotateKeyRequest{Name: "root/k"}); err != nil {
		t.Fatal(err)
	}
	if _, err := signer.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, &fault.Error{Code: fault.CodeVersionNotFound}) {
		t.Errorf("after: %v", err)
	}
}

func TestSignerRefusesWhatTheVaultDoesNot(t *testing.T) {
	c := dial(t)
	create(t, c, "root/rsa", "rsa-2048")
	create(t, c, "root/x", "x25519")
	create(t, c, "root/data", "")
	signer, err := c.Signer(t.Context(), "root/rsa")
	if err != nil {
		t.Fatal(err)
	}
	for name, opts := range map[string]crypto.SignerOpts{
		"sha1": crypto.SHA1, "no hash": crypto.Hash(0), "odd salt": &rsa.PSSOptions{SaltLength: 7, Hash: crypto.SHA256},
	} {
		if _, err := signer.Sign(nil, make([]byte, 32), opts); !errors.Is(err, &fault.Error{Code: fault.CodeUnsupportedAlgorithm}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, key := range []string{"root/x", "root/data"} {
		if _, err := c.Signer(t.Context(), key); !errors.Is(err, &fault.Error{Code: fault.CodeWrongKeyUsage}) {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestDecrypterOpensOAEP(t *testing.T) {
	c := dial(t)
	create(t, c, "root/rsa", "rsa-2048", vaultdv1.KeyUse_KEY_USE_ENCRYPT, vaultdv1.KeyUse_KEY_USE_DECRYPT)
	d, err := c.Decrypter(t.Context(), "root/rsa")
	if err != nil {
		t.Fatal(err)
	}
	want := []byte("a session key")
	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, d.Public().(*rsa.PublicKey), want, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, opts := range []crypto.DecrypterOpts{nil, &rsa.OAEPOptions{Hash: crypto.SHA256}} {
		if got, err := d.Decrypt(nil, sealed, opts); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: %q, %v", opts, got, err)
		}
	}
	if _, err := d.Decrypt(nil, sealed, "PKCS #1 v1.5"); !errors.Is(err, &fault.Error{Code: fault.CodeUnsupportedAlgorithm}) {
		t.Errorf("unknown options: %v", err)
	}
	sealed[10] ^= 1
	if _, err := d.Decrypt(nil, sealed, nil); !errors.Is(err, fault.ErrInvalidCiphertext) {
		t.Errorf("changed: %v", err)
	}
}

func TestEncrypterBindsTheContext(t *testing.T) {
	c := dial(t)
	create(t, c, "root/data", "")
	e := c.Encrypter("root/data")
	context := map[string]string{"table": "users", "row": "7"}
	sealed, err := e.Seal(t.Context(), []byte("secret"), context)
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := e.Open(t.Context(), sealed, map[string]string{"row": "7", "table": "users"}); err != nil || string(opened) != "secret" {
		t.Errorf("%q, %v", opened, err)
	}
	if _, err := e.Open(t.Context(), sealed, nil); !errors.Is(err, fault.ErrInvalidCiphertext) {
		t.Errorf("without context: %v", err)
	}
}

// What crypto/ed25519 takes as options the vault takes too.
func TestSignerSignsEd25519InEveryScheme(t *testing.T) {
	c := dial(t)
	create(t, c, "root/ed", "ed25519")
	signer, err := c.Signer(t.Context(), "root/ed")
	if err != nil {
		t.Fatal(err)
	}
	digest := sha512.Sum512([]byte("message"))
	for _, o := range []*ed25519.Options{{}, {Context: "c"}, {Hash: crypto.SHA512}, {Hash: crypto.SHA512, Context: "c"}} {
		signature, err := signer.Sign(nil, digest[:], o)
		if err != nil {
			t.Errorf("%+v: %v", o, err)
		} else if err := ed25519.VerifyWithOptions(signer.Public().(ed25519.PublicKey), digest[:], signature, o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := signer.Sign(nil, digest[:32], crypto.SHA256); err == nil {
		t.Error("a digest of SHA-256 is signed")
	}
}
