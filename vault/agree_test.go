package vault_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault"
)

// Who receives names the version that something was made for: it agrees as long
// as a decryption would be allowed, where something new needs the newest one
// active.
func TestAgreementWithAnOlderVersionIsForTheRecipient(t *testing.T) {
	r := newRig(t)
	r.createWith(vault.CreateKey{Name: r.name("alice/dh"), Type: "x25519", TTL: time.Hour})
	r.create("bob/dh", "x25519")
	peer, err := r.PublicKey(ctx, r.name("bob/dh"), 0)
	if err != nil {
		t.Fatal(err)
	}
	agree := func(version uint32) ([]byte, uint32, error) {
		return r.Agree(vault.Agree{Key: r.name("alice/dh"), Peer: peer.SPKI, Version: version})
	}
	first, number, err := agree(0)
	if err != nil || number != 1 {
		t.Fatalf("version %d: %v", number, err)
	}
	if _, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name("alice/dh")}); err != nil {
		t.Fatal(err)
	}
	newer, number, err := agree(0)
	if err != nil || number != 2 || bytes.Equal(newer, first) {
		t.Errorf("version %d: %v", number, err)
	}
	if again, number, err := agree(1); err != nil || number != 1 || !bytes.Equal(again, first) {
		t.Errorf("version %d: %v", number, err)
	}
	_, _, err = agree(3)
	r.wantCode(err, vault.CodeVersionNotFound)

	r.clock.Advance(2 * time.Hour)
	_, _, err = agree(0)
	r.wantCode(err, vault.CodeExpired)
	if again, _, err := agree(1); err != nil || !bytes.Equal(again, first) {
		t.Errorf("expired, for the recipient: %v", err)
	}
	if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name("alice/dh")}); err != nil {
		t.Fatal(err)
	}
	_, _, err = agree(1)
	r.wantCode(err, vault.CodeRevoked)
}
