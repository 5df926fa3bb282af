package vault_test

import (
	"bytes"
	"testing"

	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/vault"
)

func TestDecryptRefusals(t *testing.T) {
	r := newRig(t)
	r.create("alice/a", "")
	r.create("alice/b", "chacha20-poly1305")
	r.create("alice/sign", "ed25519")
	c := r.encrypt("alice/a", "secret", "n=v")

	_, err := r.decrypt("alice/b", c, "n=v")
	r.wantCode(err, vault.CodeIncorrectKey)
	_, err = r.decrypt("alice/none", c, "n=v")
	r.wantCode(err, vault.CodeKeyNotFound)
	_, err = r.decrypt("alice/sign", c, "n=v")
	if err == nil {
		t.Error("a signing key decrypts")
	}
	for name, pairs := range map[string][]string{
		"no context": nil, "other value": {"n=V"}, "other name": {"N=v"}, "one more": {"n=v", "o=w"},
	} {
		_, err := r.decrypt("", c, pairs...)
		if err == nil {
			t.Errorf("%s: opened", name)
			continue
		}
		r.wantCode(err, vault.CodeInvalidCiphertext)
	}
	binary, err := envelope.DecodeText(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	for i := range binary {
		for _, flip := range []byte{1, 0x80} {
			changed := bytes.Clone(binary)
			changed[i] ^= flip
			_, _, err := r.Decrypt(vault.Decrypt{Ciphertext: changed, Binary: true, Context: r.context("n=v")}, nil)
			r.wantCode(err, vault.CodeInvalidCiphertext)
		}
	}
	for n := range binary {
		_, _, err := r.Decrypt(vault.Decrypt{Ciphertext: binary[:n], Binary: true, Context: r.context("n=v")}, nil)
		r.wantCode(err, vault.CodeInvalidCiphertext)
	}
	got, d, err := r.Decrypt(vault.Decrypt{Ciphertext: binary, Binary: true, Context: r.context("n=v")}, []byte("dst:"))
	if err != nil || string(got) != "dst:secret" || d.Key != r.name("alice/a") || d.Version != 1 {
		t.Errorf("binary form: %q, %+v, %v", got, d, err)
	}
}

func TestCiphertextKey(t *testing.T) {
	r := newRig(t)
	info := r.create("alice/a", "")
	c := r.encrypt("alice/a", "x")
	binary, err := envelope.DecodeText(nil, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []struct {
		text   []byte
		binary bool
	}{{c, false}, {append([]byte(" "), c...), false}, {binary, true}} {
		if n, err := r.CiphertextKey(b.text, b.binary); err != nil || n != info.Name {
			t.Errorf("%q: %s, %v", b.text, n, err)
		}
	}
	if n, ok := r.KeyNameByID(info.ID); !ok || n != info.Name {
		t.Errorf("by id: %s, %v", n, ok)
	}
	stranger := bytes.Clone(binary)
	stranger[10] ^= 1
	for _, b := range [][]byte{nil, []byte("vd1:"), []byte("vd1:????????????????????????????????"), []byte("gAAAA"), stranger} {
		_, err := r.CiphertextKey(b, len(b) > 0 && b[0] == binary[0])
		r.wantCode(err, vault.CodeInvalidCiphertext)
	}
	if err := r.Seal(); err != nil {
		t.Fatal(err)
	}
	_, err = r.CiphertextKey(c, false)
	r.wantCode(err, vault.CodeSealed)
	if _, ok := r.KeyNameByID(info.ID); ok {
		t.Error("a sealed vault knows names")
	}
}

func TestOAEPBindsItsContext(t *testing.T) {
	r := newRig(t)
	r.createWith(vault.CreateKey{Name: r.name("alice/rsa"), Type: "rsa-2048", Uses: keytype.UseEncrypt | keytype.UseDecrypt})
	c := r.encrypt("alice/rsa", "secret", "a=b")
	r.mustDecrypt("alice/rsa", c, "secret", "a=b")
	_, err := r.decrypt("alice/rsa", c)
	r.wantCode(err, vault.CodeInvalidCiphertext)
	_, err = r.decrypt("alice/rsa", []byte("not base64!"))
	r.wantCode(err, vault.CodeInvalidCiphertext)
	_, _, err = r.Encrypt(vault.Encrypt{Key: r.name("alice/rsa"), Plaintext: make([]byte, 4096)}, nil)
	r.wantCode(err, vault.CodeBadArgument)
	_, _, err = r.Sign(r.name("alice/rsa"), nil, keytype.SignOptions{})
	r.wantCode(err, vault.CodeWrongKeyUsage)
	raw, _, err := r.Encrypt(vault.Encrypt{Key: r.name("alice/rsa"), Plaintext: []byte("raw"), Binary: true}, nil)
	if err != nil || len(raw) != 256 {
		t.Fatal(len(raw), err)
	}
	got, _, err := r.Decrypt(vault.Decrypt{Key: r.name("alice/rsa"), Ciphertext: raw, Binary: true}, nil)
	if err != nil || string(got) != "raw" {
		t.Error(string(got), err)
	}
}

func TestUsesAreKept(t *testing.T) {
	r := newRig(t)
	_, err := r.CreateKey(ctx, vault.CreateKey{Name: r.name("a/k"), Type: "ed25519", Uses: keytype.UseEncrypt})
	r.wantCode(err, vault.CodeBadArgument)
	_, err = r.CreateKey(ctx, vault.CreateKey{Name: r.name("a/k"), Type: "rot13"})
	r.wantCode(err, vault.CodeUnsupportedAlgorithm)
	_, err = r.CreateKey(ctx, vault.CreateKey{Name: r.name("a/k"), TTL: 1, NoExpiry: true})
	r.wantCode(err, vault.CodeBadArgument)
	_, err = r.CreateKey(ctx, vault.CreateKey{Name: r.name("a/k"), TTL: -1})
	r.wantCode(err, vault.CodeBadArgument)
	_, err = r.CreateKey(ctx, vault.CreateKey{})
	r.wantCode(err, vault.CodeBadArgument)

	r.createWith(vault.CreateKey{Name: r.name("a/in"), Uses: keytype.UseDecrypt})
	_, _, err = r.Encrypt(vault.Encrypt{Key: r.name("a/in")}, nil)
	r.wantCode(err, vault.CodeWrongKeyUsage)
	r.create("a/d", "")
	show, err := r.ShowKey(ctx, r.name("a/in"))
	if err != nil || show.Uses != keytype.UseDecrypt {
		t.Errorf("uses %b, %v", show.Uses, err)
	}
}
