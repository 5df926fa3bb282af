package ipc_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

func TestSignaturesInEveryForm(t *testing.T) {
	eachForm(t, func(t *testing.T, d *daemon, c caller) {
		ctx := t.Context()
		message := []byte("to be signed")
		d.createKey(t, "root/ec", "ecdsa-p256")
		d.createKey(t, "root/ed", "ed25519")
		sign := func(req *vaultdv1.SignRequest) []byte {
			t.Helper()
			signed, err := c.Sign(ctx, req)
			if err != nil {
				t.Fatal(err)
			}
			ask := &vaultdv1.VerifyRequest{
				Key: req.GetKey(), Message: req.GetMessage(), Signature: signed.GetSignature(), Prehashed: req.GetPrehashed(),
				Scheme: req.GetScheme(), SignatureContext: req.GetSignatureContext(),
			}
			if v, err := c.Verify(ctx, ask); err != nil || !v.GetValid() {
				t.Errorf("%v: %v, %v", req, v, err)
			}
			ask.SignatureContext, ask.Scheme = nil, 0
			if v, err := c.Verify(ctx, ask); err == nil && v.GetValid() && req.GetScheme() != vaultdv1.SignatureScheme_SIGNATURE_SCHEME_ECDSA_DER {
				t.Errorf("%v verifies by default", req)
			}
			return signed.GetSignature()
		}
		public := func(name string) any {
			t.Helper()
			r, err := c.PublicKey(ctx, &vaultdv1.PublicKeyRequest{Name: name, Format: vaultdv1.PublicKeyFormat_PUBLIC_KEY_FORMAT_DER})
			if err != nil {
				t.Fatal(err)
			}
			key, err := x509.ParsePKIXPublicKey(r.GetPublicKey())
			if err != nil {
				t.Fatal(err)
			}
			return key
		}
		sign(&vaultdv1.SignRequest{Key: "root/ec", Message: message, Scheme: vaultdv1.SignatureScheme_SIGNATURE_SCHEME_ECDSA_DER})
		raw := sign(&vaultdv1.SignRequest{Key: "root/ec", Message: message, Scheme: vaultdv1.SignatureScheme_SIGNATURE_SCHEME_ECDSA_RAW})
		digest := sha256.Sum256(message)
		if len(raw) != 64 || !ecdsa.Verify(public("root/ec").(*ecdsa.PublicKey), digest[:], new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])) {
			t.Errorf("the raw signature %x does not verify", raw)
		}
		long := sha512.Sum512(message)
		ph := vaultdv1.SignatureScheme_SIGNATURE_SCHEME_ED25519PH
		a := sign(&vaultdv1.SignRequest{Key: "root/ed", Message: message, Scheme: ph})
		b := sign(&vaultdv1.SignRequest{Key: "root/ed", Message: long[:], Prehashed: true, Scheme: ph})
		if !bytes.Equal(a, b) || ed25519.VerifyWithOptions(public("root/ed").(ed25519.PublicKey), long[:], a, &ed25519.Options{Hash: crypto.SHA512}) != nil {
			t.Error("Ed25519ph over the message and over its digest differ")
		}
		sign(&vaultdv1.SignRequest{Key: "root/ed", Message: message, SignatureContext: []byte("c")})
		sign(&vaultdv1.SignRequest{Key: "root/ed", Message: message, Scheme: ph, SignatureContext: []byte("c")})
		_, err := c.Sign(ctx, &vaultdv1.SignRequest{Key: "root/ed", Message: message, SignatureContext: make([]byte, 256)})
		wantCode(t, "too long a context", err, fault.CodeBadArgument)
		_, err = c.Sign(ctx, &vaultdv1.SignRequest{Key: "root/ec", Message: message, SignatureContext: []byte("c")})
		wantCode(t, "a context for ECDSA", err, fault.CodeBadArgument)
	})
}

// OpenSSL takes the DER form and makes it; the raw form is what it makes of that.
func TestOpenSSLReadsOurSignatures(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl here")
	}
	d := start(t)
	d.createKey(t, "root/ec", "ecdsa-p384")
	c, ctx := d.dial(t), t.Context()
	dir, message := t.TempDir(), []byte("to be signed")
	write := func(name string, data []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	public, err := c.PublicKey(ctx, &vaultdv1.PublicKeyRequest{Name: "root/ec"})
	if err != nil {
		t.Fatal(err)
	}
	pem, in := write("public.pem", public.GetPublicKey()), write("message", message)
	der, err := c.Sign(ctx, &vaultdv1.SignRequest{Key: "root/ec", Message: message})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := c.Sign(ctx, &vaultdv1.SignRequest{Key: "root/ec", Message: message, Scheme: vaultdv1.SignatureScheme_SIGNATURE_SCHEME_ECDSA_RAW})
	if err != nil {
		t.Fatal(err)
	}
	half := len(raw.GetSignature()) / 2
	numbers := "asn1=SEQUENCE:s\n[s]\nr=INTEGER:0x" + new(big.Int).SetBytes(raw.GetSignature()[:half]).Text(16) +
		"\ns=INTEGER:0x" + new(big.Int).SetBytes(raw.GetSignature()[half:]).Text(16) + "\n"
	fromRaw := filepath.Join(dir, "raw.der")
	if out, err := exec.Command(openssl, "asn1parse", "-genconf", write("numbers", []byte(numbers)), "-noout", "-out", fromRaw).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, signature := range []string{write("der", der.GetSignature()), fromRaw} {
		if out, err := exec.Command(openssl, "dgst", "-sha384", "-verify", pem, "-signature", signature, in).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", signature, err, out)
		}
	}
}

// OpenSSL signs with a key of its own, which is imported; both forms verify.
func TestSignaturesOfOpenSSLVerify(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl here")
	}
	dir := t.TempDir()
	run := func(args ...string) []byte {
		t.Helper()
		cmd := exec.Command(openssl, args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("openssl %v: %v: %s", args, err, out)
		}
		return out
	}
	message := []byte("to be signed")
	if err := os.WriteFile(filepath.Join(dir, "message"), message, 0o600); err != nil {
		t.Fatal(err)
	}
	pkcs8 := run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
	if err := os.WriteFile(filepath.Join(dir, "key"), pkcs8, 0o600); err != nil {
		t.Fatal(err)
	}
	run("dgst", "-sha256", "-sign", "key", "-out", "signature", "message")
	der, err := os.ReadFile(filepath.Join(dir, "signature"))
	if err != nil {
		t.Fatal(err)
	}
	var numbers struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &numbers); err != nil {
		t.Fatal(err)
	}
	raw := append(numbers.R.FillBytes(make([]byte, 32)), numbers.S.FillBytes(make([]byte, 32))...)

	c, ctx := start(t).dial(t), t.Context()
	if _, err := c.ImportKey(ctx, &vaultdv1.ImportKeyRequest{
		Name: "root/ec", Type: "ecdsa-p256", Material: pkcs8, Format: vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_PKCS8_PEM,
	}); err != nil {
		t.Fatal(err)
	}
	for scheme, signature := range map[vaultdv1.SignatureScheme][]byte{
		vaultdv1.SignatureScheme_SIGNATURE_SCHEME_ECDSA_DER: der, vaultdv1.SignatureScheme_SIGNATURE_SCHEME_ECDSA_RAW: raw,
	} {
		v, err := c.Verify(ctx, &vaultdv1.VerifyRequest{Key: "root/ec", Message: message, Signature: signature, Scheme: scheme})
		if err != nil || !v.GetValid() {
			t.Errorf("%v: %v, %v", scheme, v, err)
		}
	}
}
