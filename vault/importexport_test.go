package vault_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/policy/quota"
)

// Rows 4 to 6: private keys leave and come back under a passphrase.
func TestExportAndImport(t *testing.T) {
	r := newRig(t)
	pass := []byte("a passphrase")
	for _, c := range []struct {
		typ     string
		format  vault.PrivateKeyFormat
		prefix  string
		sealed  bool
		nameTyp bool // import needs the type to be named
	}{
		{"fernet", vault.FormatDefault, "", false, true},
		{"xaes-256-gcm", vault.FormatDefault, "", false, true},
		{"hmac-sha256", vault.FormatRaw, "", false, true},
		{"rsa-2048", vault.FormatDefault, "-----BEGIN ENCRYPTED PRIVATE KEY-----", true, false},
		{"rsa-2048", vault.FormatCompat, "", true, false},
		{"ed25519", vault.FormatPKCS8PEM, "-----BEGIN PRIVATE KEY-----", false, false},
		{"ecdsa-p384", vault.FormatPKCS8EncryptedPEM, "-----BEGIN ENCRYPTED PRIVATE KEY-----", true, false},
		{"p256", vault.FormatPKCS8PEM, "", false, true},
		{"ffdh-2048", vault.FormatPKCS8EncryptedPEM, "", true, false},
		{"rsa-2048", vault.FormatPKCS1PEM, "-----BEGIN RSA PRIVATE KEY-----", false, false},
		{"ecdsa-p521", vault.FormatSEC1PEM, "-----BEGIN EC PRIVATE KEY-----", false, false},
		{"p384", vault.FormatSEC1PEM, "-----BEGIN EC PRIVATE KEY-----", false, true},
		{"ed25519", vault.FormatOpenSSH, "-----BEGIN OPENSSH PRIVATE KEY-----", false, false},
		{"ecdsa-p256", vault.FormatJWK, `{"crv":"P-256"`, false, false},
		{"x25519", vault.FormatJWK, `{"crv":"X25519"`, false, false},
		{"hpke-x25519", vault.FormatJWK, `{"crv":"X25519"`, false, true},
		{"aes-256-siv", vault.FormatJWK, `{"kty":"oct"`, false, true},
		{"aes-256-kwp", vault.FormatDefault, "", false, true},
		{"ml-kem-768", vault.FormatPKCS8PEM, "-----BEGIN PRIVATE KEY-----", false, false},
		{"hpke-mlkem768-x25519", vault.FormatPKCS8PEM, "-----BEGIN PRIVATE KEY-----", false, false},
	} {
		name := "alice/" + c.typ + "-" + string(rune('0'+c.format))
		info := r.createWith(vault.CreateKey{Name: r.name(name), Type: c.typ, Exportable: true, NoExpiry: true})
		ask := vault.ExportKey{Name: info.Name, Format: c.format}
		if c.sealed {
			_, err := r.ExportKey(ctx, ask)
			r.wantCode(err, vault.CodeBadArgument)
			ask.Passphrase = pass
		}
		e, err := r.ExportKey(ctx, ask)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.HasPrefix(e.Material, []byte(c.prefix)) {
			t.Errorf("%s: begins with %.30q", name, e.Material)
		}
		in := vault.ImportKey{Name: r.name(name + "-in"), Material: e.Material, Format: e.Format}
		if c.format > vault.FormatCompat {
			in.Format = vault.FormatDefault // found by looking
		}
		if c.nameTyp {
			in.Type = c.typ
		}
		if c.sealed {
			in.Passphrase = []byte("another")
			_, err := r.ImportKey(ctx, in)
			r.wantCode(err, vault.CodeWrongPassphrase)
			in.Passphrase = pass
			r.clock.Advance(quota.Passwords.Most) // wrong ones of before still count
		}
		got, err := r.ImportKey(ctx, in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Type != c.typ || got.Origin != vault.OriginImported || got.Versions[0].Fingerprint != info.Versions[0].Fingerprint {
			t.Errorf("%s came back as %+v", name, got)
		}
	}
}

func TestExportIsRefused(t *testing.T) {
	r := newRig(t)
	r.create("alice/kept", "ed25519")
	_, err := r.ExportKey(ctx, vault.ExportKey{Name: r.name("alice/kept"), Format: vault.FormatPKCS8PEM})
	r.wantCode(err, vault.CodeNotExportable)

	r.createWith(vault.CreateKey{Name: r.name("alice/out"), Type: "fernet", Exportable: true})
	_, err = r.ExportKey(ctx, vault.ExportKey{Name: r.name("alice/out"), Format: vault.FormatPKCS8PEM})
	r.wantCode(err, vault.CodeBadArgument)
	_, err = r.ExportKey(ctx, vault.ExportKey{Name: r.name("alice/out"), Version: 2})
	r.wantCode(err, vault.CodeVersionNotFound)
	r.clock.Advance(2 * time.Hour)
	_, err = r.ExportKey(ctx, vault.ExportKey{Name: r.name("alice/out")})
	r.wantCode(err, vault.CodeExpired)
}

func TestWeakKeysAreNotImported(t *testing.T) {
	r := newRig(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this build makes no 1024-bit keys: ", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(small)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	for _, in := range []vault.ImportKey{
		{Material: text},
		{Material: text, Type: "rsa-2048"},
		{Material: make([]byte, 32), Type: "xaes-256-gcm"},
		{Material: []byte("short"), Type: "xaes-256-gcm"},
		{Material: []byte(strings.Repeat("A", 43) + "="), Type: "fernet"},
		{Material: []byte(strings.Repeat("a pattern, ", 6)[:64]), Type: "aes-256-siv"},
		{Material: []byte(`{"kty":"oct","k":"` + strings.Repeat("A", 43) + `"}`), Type: "xaes-256-gcm"},
	} {
		in.Name = r.name("alice/weak")
		_, err := r.ImportKey(ctx, in)
		r.wantCode(err, vault.CodeWeakKey)
	}
}
