package vault_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vaultd/vaultd/vault"
)

func TestCensus(t *testing.T) {
	r := newRig(t)
	if c, err := r.Census(); err != nil || len(c.Keys) != 0 || !c.NextExpiry.IsZero() {
		t.Fatalf("of an empty vault: %+v, %v", c, err)
	}
	now := r.clock.Now()
	for name, ttl := range map[string]time.Duration{"alice/a": 0, "alice/b": time.Hour, "bob/c": 2 * time.Hour, "bob/d": time.Minute, "bob/e": time.Second} {
		if _, err := r.CreateKey(ctx, vault.CreateKey{Name: r.name(name), TTL: ttl}); err != nil {
			t.Fatal(err)
		}
	}
	r.create("alice/s", "ed25519")
	if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name("bob/d")}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("alice/s")}); err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(10 * time.Second) // bob/e expires
	for range 2 {
		c, err := r.Census()
		if err != nil {
			t.Fatal(err)
		}
		want := vault.Census{
			Keys: []vault.KeyCount{
				{Type: "ed25519", State: vault.StateDestroyed, N: 1},
				{Type: "xaes-256-gcm", State: vault.StateActive, N: 3},
				{Type: "xaes-256-gcm", State: vault.StateExpired, N: 1},
				{Type: "xaes-256-gcm", State: vault.StateRevoked, N: 1},
			},
			NextExpiry: now.Add(time.Hour),
		}
		if diff := cmp.Diff(want, c); diff != "" {
			t.Error(diff)
		}
		r.reopen()
	}
	if r.StoreBytes() < 1<<20 {
		t.Errorf("the store has %d bytes", r.StoreBytes())
	}
	if err := r.Seal(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Census(); !errors.Is(err, vault.ErrSealed) {
		t.Errorf("sealed: %v", err)
	}
}
