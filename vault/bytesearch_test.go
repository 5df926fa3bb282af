package vault_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/vaultd/vaultd/vault"
)

// Nothing on disk tells a key, a password, an owner or a key's name.
func TestNothingInClearOnDisk(t *testing.T) {
	r := newRig(t)
	const owner, name, labelValue, reason = "quetzalcoatl", "popocatepetl", "xochimilco", "tenochtitlan"
	secrets := map[string][]byte{
		"password": []byte(password), "owner": []byte(owner), "key name": []byte(name), "label": []byte(labelValue), "reason": []byte(reason),
	}
	for _, typ := range []string{"xaes-256-gcm", "fernet", "ed25519", "hmac-sha256"} {
		n := r.name(owner + "/" + name + "-" + typ)
		r.createWith(vault.CreateKey{Name: n, Type: typ, Exportable: true, Labels: map[string]string{"l": labelValue}})
		format := vault.FormatRaw
		if typ == "ed25519" {
			format = vault.FormatPKCS8PEM
		}
		e, err := r.ExportKey(ctx, vault.ExportKey{Name: n, Format: format})
		if err != nil {
			t.Fatal(err)
		}
		material := e.Material
		if typ == "ed25519" {
			if material, err = base64.StdEncoding.DecodeString(string(bytes.Split(material, []byte("\n"))[1])); err != nil {
				t.Fatal(err)
			}
			material = material[len(material)-32:]
		}
		secrets["material of "+typ] = material
	}
	if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name(owner + "/" + name + "-fernet"), Reason: reason, By: owner}); err != nil {
		t.Fatal(err)
	}
	search := func(when string) {
		t.Helper()
		files := 0
		err := filepath.WalkDir(filepath.Dir(r.dir), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files++
			for what, s := range secrets {
				for _, form := range [][]byte{s, []byte(hex.EncodeToString(s)), []byte(base64.StdEncoding.EncodeToString(s)), []byte(base64.URLEncoding.EncodeToString(s))} {
					if bytes.Contains(b, form) || bytes.Contains([]byte(path), form) {
						t.Errorf("%s: %s holds the %s", when, filepath.Base(path), what)
					}
				}
			}
			return nil
		})
		if err != nil || files < 4 {
			t.Fatalf("searched %d files: %v", files, err)
		}
	}
	search("unsealed")
	r.close()
	search("sealed")
}
