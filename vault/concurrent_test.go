package vault_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/vaultd/vaultd/vault"
)

func TestConcurrentRotationsLoseNoVersion(t *testing.T) {
	r := newRig(t)
	r.create("alice/k", "")
	const workers, each = 8, 5
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				info, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name("alice/k")})
				if err != nil {
					t.Error(err)
					return
				}
				c, number, err := r.Encrypt(vault.Encrypt{Key: info.Name, Plaintext: []byte("x")}, nil)
				if err != nil || number < info.Version {
					t.Errorf("encrypted under %d after making %d: %v", number, info.Version, err)
				}
				if _, err := r.decrypt("", c); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for range 2 {
		info, err := r.ShowKey(ctx, r.name("alice/k"))
		if err != nil || info.Version != workers*each+1 {
			t.Fatalf("%d versions, %v", info.Version, err)
		}
		seen := map[[32]byte]bool{}
		for _, v := range info.Versions {
			if seen[v.Fingerprint] {
				t.Fatal("two versions are one key")
			}
			seen[v.Fingerprint] = true
		}
		r.reopen()
	}
}

func TestConcurrentCreationHasOneWinner(t *testing.T) {
	r := newRig(t)
	for round := range 5 {
		name := r.name(fmt.Sprintf("owner%d/k", round))
		var won atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				_, err := r.CreateKey(ctx, vault.CreateKey{Name: name})
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, vault.ErrKeyExists):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d winners", won.Load())
		}
	}
	r.reopen()
	if s := r.Status(); s.Keys != 5 || s.Owners != 5 {
		t.Errorf("status %+v", s)
	}
}

// Whatever runs while the vault is sealed, keys are revoked and owners go, ends
// in an answer of the vault: the right plaintext or a clear error.
func TestEverythingAtOnce(t *testing.T) {
	r := newRig(t)
	for _, k := range []string{"alice/a", "alice/b", "bob/a"} {
		r.create(k, "")
	}
	r.create("bob/id", "ed25519")
	cipher := r.encrypt("alice/a", "constant")
	allowed := map[vault.Code]bool{
		vault.CodeSealed: true, vault.CodeUnsealed: true, vault.CodeKeyDestroyed: true, vault.CodeOwnerRevoked: true,
		vault.CodeKeyExists: true, vault.CodeRevoked: true,
	}
	fine := func(err error) {
		var e *vault.Error
		if err != nil && (!errors.As(err, &e) || !allowed[e.Code]) {
			t.Errorf("unexpected: %v", err)
		}
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	loop := func(fn func(i int)) {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					fn(i)
				}
			}
		})
	}
	for range 3 {
		loop(func(int) {
			got, err := r.decrypt("", cipher)
			fine(err)
			if err == nil && got != "constant" {
				t.Errorf("decrypted %q", got)
			}
		})
	}
	loop(func(int) {
		_, _, err := r.Encrypt(vault.Encrypt{Key: r.name("bob/a"), Plaintext: []byte("x"), Binary: true}, nil)
		fine(err)
	})
	loop(func(i int) {
		_, err := r.CreateKey(ctx, vault.CreateKey{Name: r.name(fmt.Sprintf("alice/n%d", i))})
		fine(err)
	})
	loop(func(int) { _, _, err := r.ListKeys(ctx, vault.ListKeys{PageSize: 10}); fine(err) })
	loop(func(int) { _, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name("bob/a")}); fine(err) })
	loop(func(int) { _, _, err := r.CheckRevocation(ctx, "alice/a", ""); fine(err) })
	loop(func(int) { r.Status() })
	for range 2 {
		if err := r.Seal(); err != nil {
			t.Error(err)
		}
		r.unseal()
	}
	if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name("bob/id")}); err != nil {
		t.Error(err)
	}
	if _, _, err := r.RevokeOwner(ctx, vault.RevokeOwner{Name: "alice"}); err != nil {
		t.Error(err)
	}
	close(stop)
	wg.Wait()
	_, err := r.decrypt("", cipher)
	r.wantCode(err, vault.CodeOwnerRevoked)
	r.reopen()
	_, err = r.decrypt("", cipher)
	r.wantCode(err, vault.CodeOwnerRevoked)
	if o, err := r.ShowOwner(ctx, "alice"); err != nil || o.Keys != 0 {
		t.Errorf("owner %+v, %v", o, err)
	}
}

func TestSealLeavesNothingRunning(t *testing.T) {
	before := goleak.IgnoreCurrent()
	r := newRig(t)
	r.create("alice/k", "")
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before)
}
