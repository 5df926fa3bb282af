package vault_test

import (
	"bytes"
	"testing"

	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/vault"
)

// Rows 10 and 11: a revoked user loses every key and is remembered.
func TestRevokedOwnerStaysRevoked(t *testing.T) {
	r := newRig(t)
	r.create("alice/a", "")
	r.create("alice/b", "ed25519")
	other := r.create("bob/a", "")
	c := r.encrypt("alice/a", "gone")
	owner, n, err := r.RevokeOwner(ctx, vault.RevokeOwner{Name: "alice", Reason: "left", By: "root"})
	if err != nil || n != 2 || !owner.Revoked || owner.Keys != 0 {
		t.Fatalf("revoke: %+v, %d, %v", owner, n, err)
	}
	check := func() {
		t.Helper()
		_, err := r.decrypt("", c)
		r.wantCode(err, vault.CodeOwnerRevoked)
		_, _, err = r.Encrypt(vault.Encrypt{Key: r.name("alice/a")}, nil)
		r.wantCode(err, vault.CodeOwnerRevoked)
		_, err = r.CreateKey(ctx, vault.CreateKey{Name: r.name("alice/new")})
		r.wantCode(err, vault.CodeOwnerRevoked)
		_, err = r.RotateKey(ctx, vault.RotateKey{Name: r.name("alice/a")})
		r.wantCode(err, vault.CodeOwnerRevoked)
		_, err = r.CreateOwner(ctx, "alice")
		r.wantCode(err, vault.CodeOwnerRevoked)
		for _, subject := range []string{"alice", "alice/a", "alice/never"} {
			if revoked, list, err := r.CheckRevocation(ctx, subject, ""); !revoked || len(list) == 0 || err != nil {
				t.Errorf("check %s: %v, %v, %v", subject, revoked, list, err)
			}
		}
		r.encrypt(other.Name.String(), "bob works")
		if revoked, _, err := r.CheckRevocation(ctx, "bob/a", ""); revoked || err != nil {
			t.Errorf("bob is revoked: %v", err)
		}
	}
	check()
	r.reopen()
	check()

	if _, err := r.ReinstateOwner(ctx, "alice", "root"); err != nil {
		t.Fatal(err)
	}
	_, err = r.decrypt("", c)
	r.wantCode(err, vault.CodeKeyDestroyed)
	_, err = r.CreateKey(ctx, vault.CreateKey{Name: r.name("alice/a")})
	r.wantCode(err, vault.CodeKeyExists)
	r.create("alice/c", "")
	r.reopen()
	r.encrypt("alice/c", "new life")
	show, err := r.ShowOwner(ctx, "alice")
	if err != nil || show.Revoked || show.Keys != 1 {
		t.Errorf("owner: %+v, %v", show, err)
	}
	// What fell with its owner is never to be trusted again.
	if revoked, _, err := r.CheckRevocation(ctx, "alice/a", ""); !revoked || err != nil {
		t.Errorf("a destroyed key of a reinstated owner: %v, %v", revoked, err)
	}
	if revoked, list, err := r.CheckRevocation(ctx, "alice", ""); revoked || len(list) != 1 || !list[0].Reinstated || err != nil {
		t.Errorf("a reinstated owner: %v, %v, %v", revoked, list, err)
	}
}

func TestUnknownOwnerCanBeRevoked(t *testing.T) {
	r := newRig(t)
	if _, n, err := r.RevokeOwner(ctx, vault.RevokeOwner{Name: "mallory", By: "root"}); err != nil || n != 0 {
		t.Fatal(n, err)
	}
	_, err := r.CreateKey(ctx, vault.CreateKey{Name: r.name("mallory/k")})
	r.wantCode(err, vault.CodeOwnerRevoked)
}

func TestRevokedKeyStaysRevoked(t *testing.T) {
	r := newRig(t)
	info := r.create("alice/id", "ed25519")
	r.create("alice/data", "")
	c := r.encrypt("alice/data", "x")
	sig, _, err := r.Sign(info.Name, []byte("m"), keytype.SignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"alice/id", "alice/data"} {
		if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name(n), Reason: "lost laptop", By: "alice"}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		_, err = r.decrypt("alice/data", c)
		r.wantCode(err, vault.CodeRevoked)
		_, _, err = r.Sign(info.Name, []byte("m"), keytype.SignOptions{})
		r.wantCode(err, vault.CodeRevoked)
		_, _, err = r.Verify(info.Name, 0, []byte("m"), sig, keytype.SignOptions{})
		r.wantCode(err, vault.CodeRevoked)
		_, err = r.RotateKey(ctx, vault.RotateKey{Name: info.Name})
		r.wantCode(err, vault.CodeRevoked)
		show, err := r.ShowKey(ctx, info.Name)
		if err != nil || show.State != vault.StateRevoked || show.RevocationReason != "lost laptop" || show.RevokedBy != "alice" || show.Revoked.IsZero() {
			t.Errorf("show: %+v, %v", show, err)
		}
		if _, err := r.PublicKey(ctx, info.Name, 0); err != nil {
			t.Errorf("public key: %v", err)
		}
		fp := keytype.FormatFingerprint(info.Versions[0].Fingerprint)
		if revoked, list, err := r.CheckRevocation(ctx, fp, ""); !revoked || len(list) != 1 || err != nil {
			t.Errorf("check by fingerprint: %v, %v, %v", revoked, list, err)
		}
		if revoked, _, _ := r.CheckRevocation(ctx, fp, "bob"); revoked {
			t.Error("the check looks into a foreign namespace")
		}
		r.reopen()
	}
}

func TestDestroyedKeyStaysDestroyed(t *testing.T) {
	r := newRig(t)
	info := r.create("alice/k", "rsa-2048")
	if _, err := r.RotateKey(ctx, vault.RotateKey{Name: info.Name}); err != nil {
		t.Fatal(err)
	}
	before, err := r.PublicKey(ctx, info.Name, 1)
	if err != nil {
		t.Fatal(err)
	}
	show, err := r.DestroyKey(ctx, vault.DestroyKey{Name: info.Name, Version: 1, Reason: "old", By: "alice"})
	if err != nil || show.Versions[0].State != vault.StateDestroyed || show.State != vault.StateActive {
		t.Fatalf("destroy version 1: %+v, %v", show, err)
	}
	_, _, err = r.Verify(info.Name, 1, nil, nil, keytype.SignOptions{})
	r.wantCode(err, vault.CodeKeyDestroyed)
	if _, _, err := r.Sign(info.Name, []byte("m"), keytype.SignOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: info.Name, Reason: "all", Now: true}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, _, err = r.Sign(info.Name, []byte("m"), keytype.SignOptions{})
		r.wantCode(err, vault.CodeKeyDestroyed)
		_, err = r.DestroyKey(ctx, vault.DestroyKey{Name: info.Name})
		r.wantCode(err, vault.CodeKeyDestroyed)
		_, err = r.RotateKey(ctx, vault.RotateKey{Name: info.Name})
		r.wantCode(err, vault.CodeKeyDestroyed)
		_, err = r.CreateKey(ctx, vault.CreateKey{Name: info.Name})
		r.wantCode(err, vault.CodeKeyExists)
		after, err := r.PublicKey(ctx, info.Name, 1)
		if err != nil || !bytes.Equal(after.SPKI, before.SPKI) {
			t.Errorf("the public key did not outlive the material: %v", err)
		}
		if revoked, list, err := r.CheckRevocation(ctx, "alice/k", ""); revoked || len(list) != 1 || list[0].Kind != vault.Destroyed || err != nil {
			t.Errorf("check: %v, %v, %v", revoked, list, err)
		}
		r.reopen()
	}
}
