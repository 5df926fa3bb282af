package vault_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/vault"
)

func (r *rig) state(name string) vault.KeyState {
	r.Helper()
	info, err := r.ShowKey(ctx, r.name(name))
	if err != nil {
		r.Fatal(err)
	}
	return info.State
}

// States outlive a restart, and a clock that is set back.
func TestStatesOutliveARestart(t *testing.T) {
	r := newRig(t)
	at := r.clock.Now().Add(time.Hour)
	r.createWith(vault.CreateKey{Name: r.name("alice/next"), Periods: vault.Periods{NotBefore: at}})
	r.create("alice/paused", "")
	r.create("alice/going", "")
	if _, err := r.SuspendKey(ctx, vault.SuspendKey{Name: r.name("alice/paused"), By: "root", Admin: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("alice/going"), After: 2 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	want := func(next, paused, going vault.KeyState) {
		t.Helper()
		for name, s := range map[string]vault.KeyState{"alice/next": next, "alice/paused": paused, "alice/going": going} {
			if got := r.state(name); got != s {
				t.Errorf("%s is %s, wanted %s", name, got, s)
			}
		}
	}
	want(vault.StatePreActivation, vault.StateSuspended, vault.StatePendingDestruction)
	r.reopen()
	want(vault.StatePreActivation, vault.StateSuspended, vault.StatePendingDestruction)
	r.clock.Advance(3 * time.Hour)
	want(vault.StateActive, vault.StateSuspended, vault.StateDestroyed)
	r.create("alice/other", "") // notes the time
	r.clock.Advance(-3 * time.Hour)
	want(vault.StateActive, vault.StateSuspended, vault.StateDestroyed)
	r.reopen()
	want(vault.StateActive, vault.StateSuspended, vault.StateDestroyed)
	_, err := r.CancelDestruction(ctx, vault.CancelDestruction{Name: r.name("alice/going"), Admin: true})
	r.wantCode(err, vault.CodeKeyDestroyed)
	_, err = r.ResumeKey(ctx, vault.ResumeKey{Name: r.name("alice/paused"), By: "alice"})
	r.wantCode(err, vault.CodePermissionDenied)
}

// At the end of its period a signing key's private half is destroyed, by itself,
// and its public half goes on verifying, also after that and a restart.
func TestPrivateSigningKeyEndsWithItsPeriod(t *testing.T) {
	r := newRig(t)
	name := r.name("alice/signer")
	r.createWith(vault.CreateKey{Name: name, Type: "ed25519", TTL: time.Hour})
	sig, _, err := r.Sign(name, []byte("m"), keytype.SignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	now := r.clock.Now()
	_, err = r.UpdateKey(ctx, vault.UpdateKey{Name: name, Expires: &now})
	r.wantCode(err, vault.CodeWrongState)
	r.clock.Advance(time.Hour)
	check := func() {
		t.Helper()
		_, _, err := r.Sign(name, []byte("m"), keytype.SignOptions{})
		r.wantCode(err, vault.CodeExpired)
		if ok, _, err := r.Verify(name, 0, []byte("m"), sig, keytype.SignOptions{}); !ok || err != nil {
			t.Errorf("verify: %v, %v", ok, err)
		}
		later := r.clock.Now().Add(time.Hour)
		_, err = r.UpdateKey(ctx, vault.UpdateKey{Name: name, Expires: &later})
		r.wantCode(err, vault.CodeExpired)
		if got := r.state("alice/signer"); got != vault.StateDeactivated {
			t.Errorf("it is %s", got)
		}
	}
	check()
	ended := make(chan vault.KeyEnd, 1)
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	r.open()
	r.OnLife(vault.LifeEvents{Ended: func(e vault.KeyEnd) { ended <- e }})
	r.unseal()
	select {
	case e := <-ended:
		if !e.Private || e.Name != name {
			t.Errorf("%+v", e)
		}
	case <-time.After(time.Minute):
		t.Fatal("the private half was not destroyed")
	}
	check()
	r.reopen()
	check()
	if _, err := r.RotateKey(ctx, vault.RotateKey{Name: name}); err != nil {
		t.Error(err)
	}
	if ok, n, err := r.Verify(name, 0, []byte("m"), sig, keytype.SignOptions{}); !ok || n != 1 || err != nil {
		t.Errorf("verify after a rotation: %v by %d, %v", ok, n, err)
	}
	r.close()
	if rep := r.check(false, password); !rep.OK() {
		t.Errorf("check: %v", rep.Findings)
	}
}

// A suspended key opens what is stated to be older, for everybody; a revoked one
// for administrators alone. What is not older stays closed.
func TestStatementsOpenOnlyWhatIsOlder(t *testing.T) {
	r := newRig(t)
	name := r.name("alice/k")
	r.create("alice/k", "")
	c := r.encrypt("alice/k", "old")
	before := r.clock.Now()
	r.clock.Advance(time.Hour)
	open := func(st *vault.Statement) error {
		_, _, err := r.Decrypt(vault.Decrypt{Key: name, Ciphertext: c, Statement: st}, nil)
		return err
	}
	old, young := before, r.clock.Now().Add(time.Minute)
	if _, err := r.SuspendKey(ctx, vault.SuspendKey{Name: name}); err != nil {
		t.Fatal(err)
	}
	r.wantCode(open(nil), vault.CodeSuspended)
	r.wantCode(open(&vault.Statement{ProtectedAt: young}), vault.CodeSuspended)
	if err := open(&vault.Statement{ProtectedAt: old}); err != nil {
		t.Error(err)
	}
	if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: name, Code: vault.ReasonKeyCompromise, Compromised: before.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	r.wantCode(open(nil), vault.CodeRevoked)
	r.wantCode(open(&vault.Statement{ProtectedAt: old}), vault.CodeRevoked)
	r.wantCode(open(&vault.Statement{ProtectedAt: before.Add(time.Minute), Admin: true}), vault.CodeRevoked)
	if err := open(&vault.Statement{ProtectedAt: old, Admin: true}); err != nil {
		t.Error(err)
	}
	r.wantCode(open(nil), vault.CodeRevoked) // nothing of it is left in memory
	if got := r.state("alice/k"); got != vault.StateCompromised {
		t.Errorf("it is %s", got)
	}
}

// Attempts on a key that is to be destroyed are counted and told, and a
// cancelled destruction leaves it suspended.
func TestDestructionIsReportedAndCancelled(t *testing.T) {
	r := newRig(t)
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	r.open()
	var told atomic.Int32
	r.OnLife(vault.LifeEvents{Attempted: func(vault.Attempt) { told.Add(1) }})
	r.unseal()
	r.create("alice/k", "")
	c := r.encrypt("alice/k", "x")
	name := r.name("alice/k")
	if _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: name, After: time.Hour, By: "alice"}); err != nil {
		t.Fatal(err)
	}
	_, err := r.decrypt("", c)
	r.wantCode(err, vault.CodePendingDestruction)
	if info, _ := r.ShowKey(ctx, name); told.Load() != 1 || info.Attempts != 1 {
		t.Errorf("told %d times, counted %d", told.Load(), info.Attempts)
	}
	changes, err := r.StateChanges(r.clock.Now(), r.clock.Now().Add(2*time.Hour), 10)
	if err != nil || len(changes) != 1 || changes[0].To != vault.StateDestroyed {
		t.Errorf("to come: %+v, %v", changes, err)
	}
	if _, err := r.CancelDestruction(ctx, vault.CancelDestruction{Name: name}); err != nil || r.state("alice/k") != vault.StateSuspended {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := r.ResumeKey(ctx, vault.ResumeKey{Name: name}); err != nil {
		t.Error(err)
	}
	r.mustDecrypt("", c, "x")
}

// A version that waits for its time lets the one before go on.
func TestRotationInAdvance(t *testing.T) {
	r := newRig(t)
	r.create("alice/k", "")
	name := r.name("alice/k")
	if _, err := r.RotateKey(ctx, vault.RotateKey{Name: name, Periods: vault.Periods{NotBefore: r.clock.Now().Add(time.Hour)}}); err != nil {
		t.Fatal(err)
	}
	under := func(want uint32) {
		t.Helper()
		if _, n, err := r.Encrypt(vault.Encrypt{Key: name}, nil); n != want || err != nil {
			t.Errorf("under version %d, %v; wanted %d", n, err, want)
		}
	}
	under(1)
	r.clock.Advance(time.Hour)
	under(2)
}

// min-decrypt-version closes old versions and can be taken back; trim can't.
func TestMinDecryptVersionAndTrim(t *testing.T) {
	r := newRig(t)
	r.create("alice/k", "")
	name := r.name("alice/k")
	c := r.encrypt("alice/k", "one")
	if _, err := r.RotateKey(ctx, vault.RotateKey{Name: name}); err != nil {
		t.Fatal(err)
	}
	_, _, err := r.TrimKey(ctx, vault.TrimKey{Name: name})
	r.wantCode(err, vault.CodeWrongState)
	set := func(n uint32) {
		t.Helper()
		if _, err := r.UpdateKey(ctx, vault.UpdateKey{Name: name, MinDecryptVersion: n}); err != nil {
			t.Fatal(err)
		}
	}
	set(2)
	_, err = r.decrypt("", c)
	r.wantCode(err, vault.CodeExpired)
	set(1)
	r.mustDecrypt("", c, "one")
	set(2)
	if _, n, err := r.TrimKey(ctx, vault.TrimKey{Name: name, By: "alice"}); n != 1 || err != nil {
		t.Errorf("trimmed %d: %v", n, err)
	}
	set(1)
	_, err = r.decrypt("", c)
	r.wantCode(err, vault.CodeKeyDestroyed)
	if generation, err := r.Scrub(ctx); generation < 2 || err != nil {
		t.Errorf("scrubbed to %d: %v", generation, err)
	}
}
