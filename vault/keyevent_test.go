package vault_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault"
)

// toldEvents collects events.
type toldEvents struct {
	mu     sync.Mutex
	events []vault.KeyEvent
}

func (c *toldEvents) life() vault.LifeEvents {
	return vault.LifeEvents{Happened: func(e vault.KeyEvent) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.events = append(c.events, e)
	}}
}

// kinds are those of one key's events, in their order.
func (c *toldEvents) kinds(name string) (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.events {
		if e.Name.String() == name {
			all = append(all, e.Kind.String())
		}
	}
	return all
}

// Whatever happens to a key by request is told of once, after it was done, and
// what was refused or changed nothing is not.
func TestEventsOfRequests(t *testing.T) {
	r := newRig(t)
	var c toldEvents
	r.reopenTold(c.life())
	r.create("alice/k", "")
	name := r.name("alice/k")
	steps := []func() error{
		func() error { _, err := r.RotateKey(ctx, vault.RotateKey{Name: name}); return err },
		func() error { _, err := r.SuspendKey(ctx, vault.SuspendKey{Name: name}); return err },
		func() error { _, err := r.ResumeKey(ctx, vault.ResumeKey{Name: name}); return err },
		func() error { _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: name, After: time.Hour}); return err },
		func() error { _, err := r.CancelDestruction(ctx, vault.CancelDestruction{Name: name}); return err },
		func() error { _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: name, Version: 1}); return err },
		func() error { _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: name}); return err },
		func() error { _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: name}); return err }, // changes nothing
		func() error { _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: name}); return err },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	_, err := r.SuspendKey(ctx, vault.SuspendKey{Name: name})
	r.wantCode(err, vault.CodeKeyDestroyed)
	want := []string{
		"created", "rotated", "suspended", "resumed", "destruction-scheduled", "destruction-cancelled", "destroyed", "revoked", "destroyed",
	}
	if got := c.kinds("alice/k"); !slices.Equal(got, want) {
		t.Errorf("told of %v, wanted %v", got, want)
	}
	for _, e := range c.events {
		if (e.Kind == vault.KeyDestructionSet) != !e.Due.IsZero() || e.At.IsZero() || e.Type == "" || e.ID == (vault.KeyID{}) {
			t.Errorf("%s: %+v", e.Kind, e)
		}
	}
}

// An expiry that passes while the vault is sealed is told of at unseal, once, and
// the warning before it too; a revoked key is left out.
func TestEventsOfTime(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"alice/k", "alice/revoked"} {
		r.createWith(vault.CreateKey{Name: r.name(name), TTL: 30 * 24 * time.Hour})
	}
	r.createWith(vault.CreateKey{Name: r.name("alice/long"), TTL: 300 * 24 * time.Hour})
	if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name("alice/revoked")}); err != nil {
		t.Fatal(err)
	}
	var c toldEvents
	pass := func(days int) {
		t.Helper()
		if err := r.Vault.Close(); err != nil {
			t.Fatal(err)
		}
		r.clock.Advance(time.Duration(days) * 24 * time.Hour)
		r.open()
		r.OnLife(c.life())
		r.unseal()
		// Sealing waits for what the unseal began.
		if err := r.Vault.Seal(); err != nil {
			t.Fatal(err)
		}
		r.unseal()
	}
	pass(1)
	if got := c.kinds("alice/k"); len(got) != 0 {
		t.Errorf("told of %v", got)
	}
	pass(23)
	if got := c.kinds("alice/k"); !slices.Equal(got, []string{"expiring"}) {
		t.Errorf("told of %v a week before", got)
	}
	pass(8)
	pass(1)
	if got := c.kinds("alice/k"); !slices.Equal(got, []string{"expiring", "expired"}) {
		t.Errorf("told of %v in the end", got)
	}
	if got := append(c.kinds("alice/revoked"), c.kinds("alice/long")...); len(got) != 0 {
		t.Errorf("told of %v", got)
	}
}
