package vault_test

import (
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/keyenc"
	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/vault"
)

// An encrypted key says how often its passphrase is hashed. Without one there
// is nothing to hash, and whoever counts slow requests by it must be right.
func TestEncryptedImportWithoutPassphraseCostsNothing(t *testing.T) {
	r := newRig(t)
	typ, _ := keytype.Lookup("ed25519")
	der, err := typ.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	slow, err := keyenc.EncryptPKCS8PEM(der, []byte("x"), 10_000_000, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	hashing := time.Since(start)
	for _, c := range []struct {
		format   vault.PrivateKeyFormat
		material []byte
	}{
		{vault.FormatDefault, slow},
		{vault.FormatPKCS8EncryptedPEM, slow},
		{vault.FormatCompat, append(make([]byte, 16), "gAAAAAAAAAA="...)},
	} {
		start := time.Now()
		_, err := r.ImportKey(ctx, vault.ImportKey{Name: r.name("alice/k"), Material: c.material, Format: c.format})
		r.wantCode(err, vault.CodeBadArgument)
		if took := time.Since(start); took > hashing/2 {
			t.Errorf("format %d: refused after %v, and hashing takes %v", c.format, took, hashing)
		}
	}
}

// A key and its owner may be revoked in the same moment.
func TestKeyAndOwnerRevokedAtOnce(t *testing.T) {
	r := newRig(t)
	r.create("alice/k", "")
	want, err := r.ShowKey(ctx, r.name("alice/k"))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name("alice/k")}); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		if _, _, err := r.RevokeOwner(ctx, vault.RevokeOwner{Name: "alice"}); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	revoked, found, err := r.CheckRevocation(ctx, keytype.FormatFingerprint(want.Versions[0].Fingerprint), "")
	if err != nil || !revoked || len(found) != 2 {
		t.Errorf("revoked %v by %v, %v", revoked, found, err)
	}
}

// Naming a key of one's own tells nothing of whether another's is there.
func TestForeignCiphertextTellsNothing(t *testing.T) {
	r := newRig(t)
	other := newRig(t)
	r.createWith(vault.CreateKey{Name: r.name("alice/k"), Exportable: true})
	r.create("bob/k", "")
	other.create("bob/k", "")
	for where, c := range map[string][]byte{"here": r.encrypt("bob/k", "x"), "elsewhere": other.encrypt("bob/k", "x")} {
		if _, err := r.decrypt("alice/k", c); err == nil {
			t.Errorf("%s: opened", where)
		} else {
			r.wantCode(err, vault.CodeInvalidCiphertext)
		}
	}
}
