package ipc_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

func setAlias(t *testing.T, c caller, name, key string) *vaultdv1.SetAliasResponse {
	t.Helper()
	r, err := c.SetAlias(t.Context(), &vaultdv1.SetAliasRequest{Name: name, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAliasThroughTheSocket(t *testing.T) {
	eachForm(t, func(t *testing.T, d *daemon, c caller) {
		ctx := t.Context()
		d.createKey(t, "root/a", "")
		d.createKey(t, "root/b", "")
		if r := setAlias(t, c, "root/current", "root/a"); r.GetPrevious() != "" || r.GetAlias().GetMoved() != nil {
			t.Errorf("made: %v", r)
		}
		first := encryptedBy(t, c, "root/current")
		if r := setAlias(t, c, "root/current", "root/b"); r.GetPrevious() != "root/a" || r.GetAlias().GetMoved() == nil {
			t.Errorf("moved: %v", r)
		}
		if _, err := c.Decrypt(ctx, &vaultdv1.DecryptRequest{Ciphertext: first}); err != nil {
			t.Errorf("what was encrypted before the move: %v", err)
		}
		_, err := c.Decrypt(ctx, &vaultdv1.DecryptRequest{Key: "root/b", Ciphertext: encryptedBy(t, c, "root/current")})
		wantCode(t, "what was encrypted after it", err, "")
		shown, err := c.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: "root/current"})
		if err != nil || shown.GetKey().GetName() != "root/b" {
			t.Errorf("shown %v, %v", shown, err)
		}
		batch, err := c.Batch(ctx, &vaultdv1.BatchRequest{Items: []*vaultdv1.BatchItem{
			encryptItem("root/current", "1"), encryptItem("root/current", "2"), encryptItem("root/current", "3"), encryptItem("root/a", "4"),
		}})
		if err != nil || strings.Join(fmtCodes(batch), "") != "" {
			t.Errorf("batch: %v, %v", fmtCodes(batch), err)
		}
		_, err = c.CreateKey(ctx, &vaultdv1.CreateKeyRequest{Name: "root/current"})
		wantCode(t, "key at an alias", err, fault.CodeKeyExists)
		_, err = c.RotateKey(ctx, &vaultdv1.RotateKeyRequest{Name: "root/current"})
		wantCode(t, "rotate", err, "")

		// Errors of a key that has ended name both, and the alias stays.
		if _, err := c.RevokeKey(ctx, &vaultdv1.RevokeKeyRequest{Name: "root/current"}); err != nil {
			t.Fatal(err)
		}
		_, err = c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/current", Plaintext: []byte("x")})
		wantCode(t, "revoked", err, fault.CodeRevoked)
		if err == nil || !strings.Contains(err.Error(), "root/current is an alias of root/b") {
			t.Errorf("the error is %v", err)
		}
		setAlias(t, c, "root/current", "root/a")
		encryptedBy(t, c, "root/current")
		if _, err := c.RemoveAlias(ctx, &vaultdv1.RemoveAliasRequest{Name: "root/current"}); err != nil {
			t.Fatal(err)
		}
		_, err = c.ListAliases(ctx, &vaultdv1.ListAliasesRequest{Name: "root/current"})
		wantCode(t, "removed", err, fault.CodeAliasNotFound)
		_, err = c.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: "root/current", Plaintext: []byte("x")})
		wantCode(t, "encrypt by what was removed", err, fault.CodeKeyNotFound)
	})
}

func fmtCodes(r *vaultdv1.BatchResponse) (s []string) {
	for _, c := range codes(r) {
		s = append(s, string(c))
	}
	return s
}

func encryptedBy(t *testing.T, c caller, key string) string {
	t.Helper()
	r, err := c.Encrypt(t.Context(), &vaultdv1.EncryptRequest{Key: key, Plaintext: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	return r.GetCiphertext()
}

// Who encrypts by an alias while it is moved gets the one key or the other.
func TestMovingAliasIsNeverMissing(t *testing.T) {
	d := start(t)
	d.createKey(t, "root/a", "")
	d.createKey(t, "root/b", "")
	mover := d.dial(t)
	setAlias(t, mover, "root/current", "root/a")
	done := make(chan struct{})
	var users sync.WaitGroup
	for range 3 {
		c := d.dial(t)
		users.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				if _, err := c.Encrypt(t.Context(), &vaultdv1.EncryptRequest{Key: "root/current", Plaintext: []byte("x")}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	moves := 100
	if testing.Short() {
		moves = 20
	}
	for i := range moves {
		setAlias(t, mover, "root/current", []string{"root/b", "root/a"}[i%2])
	}
	close(done)
	users.Wait()
}

func TestRecordsNameAliasAndKey(t *testing.T) {
	log, set := withAudit(t, filepath.Join(t.TempDir(), "audit"))
	d := start(t, set)
	c, ctx := d.dial(t), t.Context()
	d.createKey(t, "root/a", "")
	d.createKey(t, "root/b", "")
	setAlias(t, c, "root/current", "root/a")
	text := encryptedBy(t, c, "root/current")
	encryptedBy(t, c, "root/a")
	if _, err := c.Batch(ctx, &vaultdv1.BatchRequest{Items: []*vaultdv1.BatchItem{
		encryptItem("root/current", "1"), encryptItem("root/a", "2"),
	}}); err != nil {
		t.Fatal(err)
	}
	setAlias(t, c, "root/current", "root/b")
	if _, err := c.Rewrap(ctx, &vaultdv1.RewrapRequest{Ciphertext: text, ToKey: "root/current"}); err != nil {
		t.Fatal(err)
	}
	if err := log.Flush(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for e, err := range log.Read(audit.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprint(e.Action, " ", e.Key.Name)
		for _, f := range e.Extra {
			if strings.Contains(f.Name, "alias") || f.Name == "key" || f.Name == "previous" || f.Name == "to_key" {
				line += fmt.Sprint(" ", f)
			}
		}
		if e.Outcome == audit.Allowed && e.Action != "key.create" {
			got = append(got, line)
		}
	}
	want := []string{
		"alias.set current {key root/a}",
		"key.encrypt a {alias root/current}",
		"key.encrypt a",
		"key.encrypt a {alias root/current}",
		"key.encrypt a",
		"key.batch ",
		"alias.set current {key root/b} {previous root/a}",
		"key.rewrap a {to_key root/b} {to_key_alias root/current}",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
