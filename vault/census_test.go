package vault_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vaultd/vaultd/vault"
)

func (r *rig) census() vault.Census {
	r.Helper()
	r.ForgetCensus()
	c, err := r.Census()
	if err != nil {
		r.Fatal(err)
	}
	return c
}

func TestCensusCountsKeysByTypeAndState(t *testing.T) {
	r := newRig(t)
	if c := r.census(); len(c.Keys) != 0 || !c.NextExpiry.IsZero() || c.ExpiringSoon(vault.MaxTTL) != 0 {
		t.Errorf("an empty vault: %+v", c)
	}
	const day = 24 * time.Hour
	for name, ttl := range map[string]time.Duration{"day": day, "week": 7 * day, "month": 30 * day, "never": 0} {
		r.createWith(vault.CreateKey{Name: r.name("alice/" + name), TTL: ttl, NoExpiry: ttl == 0})
	}
	for _, name := range []string{"revoked", "gone", "half"} {
		r.createWith(vault.CreateKey{Name: r.name("bob/" + name), Type: "ed25519", TTL: 2 * day})
	}
	if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name("bob/revoked")}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name("bob/half"), TTL: 40 * day}); err != nil {
		t.Fatal(err)
	}
	for _, d := range []vault.DestroyKey{{Name: r.name("bob/gone")}, {Name: r.name("bob/half"), Version: 1}} {
		if _, err := r.DestroyKey(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, want []vault.KeyCount, next time.Duration, soon int) {
		t.Helper()
		c := r.census()
		if diff := cmp.Diff(want, c.Keys); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
		if got := c.NextExpiry.Sub(newTestClock().now); got != next {
			t.Errorf("%s: the next expiry is %v from the start, want %v", when, got, next)
		}
		if got := c.ExpiringSoon(7 * day); got != soon {
			t.Errorf("%s: %d expire soon, want %d", when, got, soon)
		}
		// The census says what each key says of itself.
		keys, _, err := r.ListKeys(ctx, vault.ListKeys{IncludeDestroyed: true})
		if err != nil {
			t.Fatal(err)
		}
		states := map[vault.KeyState]int{}
		for _, k := range keys {
			states[k.State]++
		}
		if diff := cmp.Diff(states, c.States()); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
	}
	atFirst := []vault.KeyCount{
		{Type: "ed25519", State: vault.StateActive, N: 1},
		{Type: "ed25519", State: vault.StateRevoked, N: 1},
		{Type: "ed25519", State: vault.StateDestroyed, N: 1},
		{Type: "xaes-256-gcm", State: vault.StateActive, N: 4},
	}
	check("at first", atFirst, day, 2)
	r.reopen()
	check("after a restart", atFirst, day, 2)
	r.clock.Advance(8 * day)
	check("a week later", []vault.KeyCount{
		{Type: "ed25519", State: vault.StateActive, N: 1},
		{Type: "ed25519", State: vault.StateRevoked, N: 1},
		{Type: "ed25519", State: vault.StateDestroyed, N: 1},
		{Type: "xaes-256-gcm", State: vault.StateActive, N: 2},
		{Type: "xaes-256-gcm", State: vault.StateDeactivated, N: 2},
	}, 30*day, 0)
	if err := r.Seal(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Census(); !errors.Is(err, vault.ErrSealed) {
		t.Errorf("sealed: %v", err)
	}
}

func TestCensusIsKeptForAMoment(t *testing.T) {
	r := newRig(t)
	r.create("alice/a", "")
	before := r.census()
	begun := time.Now()
	r.create("alice/b", "")
	again, err := r.Census()
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took < time.Second/2 && again.States()[vault.StateActive] != before.States()[vault.StateActive] {
		t.Errorf("counted again after %v", took)
	}
	if now := r.census(); now.States()[vault.StateActive] != 2 {
		t.Errorf("two keys are counted as %v", now.Keys)
	}
}

func TestStoreBytesIsTheSumOfTheFiles(t *testing.T) {
	r := newRig(t)
	r.create("alice/a", "")
	r.ForgetCensus()
	got := r.StoreBytes()
	sum := int64(0)
	err := filepath.Walk(r.dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			sum += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got != sum || got < 1<<20 { // the ballast alone
		t.Errorf("%d bytes, want %d", got, sum)
	}
}
