package vault_test

import (
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault"
)

// schedule makes a key that is rotated every so often.
func (r *rig) schedule(name string, every time.Duration) {
	r.Helper()
	r.createWith(vault.CreateKey{Name: r.name(name), NoExpiry: true, RotateEvery: every})
}

// wantVersions is what the newest version of a key has to be.
func (r *rig) wantVersions(name string, want uint32) vault.KeyInfo {
	r.Helper()
	info, err := r.ShowKey(ctx, r.name(name))
	if err != nil {
		r.Fatal(err)
	}
	if info.Version != want {
		r.Errorf("%s has %d versions, wanted %d", name, info.Version, want)
	}
	return info
}

func (r *rig) rotateDue() {
	r.Helper()
	if err := r.RotateDue(ctx); err != nil {
		r.Fatal(err)
	}
}

// A key on a schedule gets a version at each of its times, opens what older
// versions protected, and is told of once each time.
func TestRotationOnSchedule(t *testing.T) {
	r := newRig(t)
	var told atomic.Int32
	r.reopenTold(vault.LifeEvents{Rotated: func(vault.KeyRotation) { told.Add(1) }})
	r.schedule("alice/k", 24*time.Hour)
	c := r.encrypt("alice/k", "old")
	r.clock.Advance(24*time.Hour - time.Second)
	r.rotateDue()
	r.wantVersions("alice/k", 1)
	r.clock.Advance(time.Second)
	r.rotateDue()
	r.rotateDue()
	info := r.wantVersions("alice/k", 2)
	if info.Versions[0].State != vault.StateDeactivated || info.State != vault.StateActive {
		t.Errorf("the states are %s and %s", info.Versions[0].State, info.State)
	}
	if p, err := r.decrypt("alice/k", c); err != nil || string(p) != "old" {
		t.Errorf("decrypt: %q, %v", p, err)
	}
	// Late by an hour, the next time is that of the schedule all the same.
	r.clock.Advance(25 * time.Hour)
	r.rotateDue()
	r.wantVersions("alice/k", 3)
	r.clock.Advance(23 * time.Hour)
	r.rotateDue()
	r.wantVersions("alice/k", 4)
	if told.Load() != 3 {
		t.Errorf("told of %d rotations", told.Load())
	}
}

// reopenTold opens the vault again, with what is told of the life of keys.
func (r *rig) reopenTold(e vault.LifeEvents) {
	r.Helper()
	if err := r.Vault.Close(); err != nil {
		r.Fatal(err)
	}
	r.open()
	r.OnLife(e)
	r.unseal()
}

// Of several times that pass while the vault is sealed, one rotation makes up,
// at unseal and without anybody asking.
func TestMissedRotationsCatchUpOnce(t *testing.T) {
	r := newRig(t)
	r.schedule("alice/k", 24*time.Hour)
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(100 * time.Hour)
	r.open()
	rotated := make(chan vault.KeyRotation, 8)
	r.OnLife(vault.LifeEvents{Rotated: func(k vault.KeyRotation) { rotated <- k }})
	r.unseal()
	select {
	case <-rotated:
	case <-time.After(time.Minute):
		t.Fatal("nothing was rotated")
	}
	info := r.wantVersions("alice/k", 2)
	if wait := info.NextRotation.Sub(r.clock.Now()); wait != 20*time.Hour {
		t.Errorf("the next rotation is %s from now", wait)
	}
	r.rotateDue()
	r.wantVersions("alice/k", 2)
}

// A key that is paused or about to end is left alone; afterwards it catches up.
func TestPausedKeysAreNotRotated(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"alice/paused", "alice/revoked", "alice/ending", "alice/next"} {
		r.schedule(name, 24*time.Hour)
	}
	later := r.clock.Now().Add(72 * time.Hour)
	_, err1 := r.SuspendKey(ctx, vault.SuspendKey{Name: r.name("alice/paused")})
	_, err2 := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name("alice/revoked")})
	_, err3 := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("alice/ending"), After: 72 * time.Hour})
	_, err4 := r.RotateKey(ctx, vault.RotateKey{Name: r.name("alice/next"), Periods: vault.Periods{NotBefore: later}})
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			t.Fatal(err)
		}
	}
	r.clock.Advance(25 * time.Hour)
	r.rotateDue()
	r.wantVersions("alice/paused", 1)
	r.wantVersions("alice/revoked", 1)
	r.wantVersions("alice/ending", 1)
	r.wantVersions("alice/next", 2)
	if _, err := r.ResumeKey(ctx, vault.ResumeKey{Name: r.name("alice/paused")}); err != nil {
		t.Fatal(err)
	}
	r.rotateDue()
	r.wantVersions("alice/paused", 2)
}

// A schedule is set, changed and ended by an update, survives a restart, and
// begins anew when somebody rotates by hand.
func TestScheduleChanges(t *testing.T) {
	r := newRig(t)
	r.createWith(vault.CreateKey{Name: r.name("alice/k"), TTL: 48 * time.Hour})
	set := func(every time.Duration) error {
		_, err := r.UpdateKey(ctx, vault.UpdateKey{Name: r.name("alice/k"), RotateEvery: &every})
		return err
	}
	for _, every := range []time.Duration{time.Minute, -time.Hour, vault.MaxTTL + time.Hour, 49 * time.Hour} {
		r.wantCode(set(every), vault.CodeBadArgument)
	}
	if err := set(24 * time.Hour); err != nil {
		t.Fatal(err)
	}
	r.reopen()
	r.clock.Advance(12 * time.Hour)
	_, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name("alice/k"), TTL: time.Hour})
	r.wantCode(err, vault.CodeBadArgument)
	if _, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name("alice/k")}); err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(12 * time.Hour)
	r.rotateDue()
	r.wantVersions("alice/k", 2)
	r.clock.Advance(12 * time.Hour)
	r.rotateDue()
	r.wantVersions("alice/k", 3)
	if err := set(0); err != nil {
		t.Fatal(err)
	}
	r.reopen()
	r.clock.Advance(1000 * time.Hour)
	r.rotateDue()
	if info := r.wantVersions("alice/k", 3); info.RotateEvery != 0 || !info.NextRotation.IsZero() {
		t.Errorf("the schedule is %s, next at %s", info.RotateEvery, info.NextRotation)
	}
}

// Many keys on several schedules, across restarts and sealed times, are rotated
// exactly as often as each should be. VAULTD_ROTATE_KEYS=10000 is the full size
// ('make rotate-many').
func TestManyKeysRotateExactlyOnSchedule(t *testing.T) {
	keys, rounds := 150, 9
	if _, err := fmt.Sscan(os.Getenv("VAULTD_ROTATE_KEYS"), &keys); err == nil {
		t.Logf("%d keys", keys)
	} else if testing.Short() {
		keys = 30
	}
	r := newRig(t)
	name := func(i int) string { return fmt.Sprintf("o%d/k%d", i%7, i) }
	every := func(i int) time.Duration { return time.Duration(1+i%3) * 24 * time.Hour }
	want := make([]uint32, keys)
	next := make([]time.Time, keys)
	for i := range keys {
		r.schedule(name(i), every(i))
		want[i], next[i] = 1, r.clock.Now().Add(every(i))
	}
	// What the schedules say, of which the vault knows nothing.
	expect := func() {
		now := r.clock.Now()
		for i := range keys {
			if now.Before(next[i]) {
				continue
			}
			want[i]++
			for !now.Before(next[i]) {
				next[i] = next[i].Add(every(i))
			}
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for round := 0; want[0] < 10 || round < rounds; round++ {
		switch round % 4 {
		case 0, 1: // it runs
			r.clock.Advance(24*time.Hour + time.Minute)
		case 2: // sealed over two times, and a restart
			if err := r.Vault.Close(); err != nil {
				t.Fatal(err)
			}
			r.clock.Advance(50 * time.Hour)
			r.open()
			r.unseal()
		case 3: // a restart at no time of interest
			r.reopen()
			r.clock.Advance(25 * time.Hour)
		}
		r.rotateDue()
		expect()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	for i := range keys {
		r.wantVersions(name(i), want[i])
	}
	grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("memory grew by %d KiB", grown>>10)
	// Ten versions of a key take under 2 KiB in memory; the store has its own fixed needs.
	if limit := int64(keys)*4<<10 + 64<<20; grown > limit {
		t.Errorf("memory grew by %d bytes, over %d", grown, limit)
	}
	token, pages, slowest := "", 0, time.Duration(0)
	for {
		start := time.Now()
		_, following, err := r.ListKeys(ctx, vault.ListKeys{PageSize: 100, PageToken: token})
		if err != nil {
			t.Fatal(err)
		}
		slowest, pages = max(slowest, time.Since(start)), pages+1
		if token = following; token == "" {
			break
		}
	}
	t.Logf("%d pages of 100, the slowest in %s", pages, slowest)
	if os.Getenv("VAULTD_ROTATE_KEYS") != "" && slowest > 50*time.Millisecond {
		t.Errorf("a page took %s", slowest)
	}
}
