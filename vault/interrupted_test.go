package vault

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/kdf"
	"github.com/vaultd/vaultd/vault/store"
)

// openTestVault is an unsealed vault in a directory of its own, seen from inside.
func openTestVault(t *testing.T) *Vault {
	t.Helper()
	v, err := New(Options{Dir: filepath.Join(t.TempDir(), "vault"), MinFree: 1 << 20, Ballast: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	if _, err := v.Init(context.Background(), []byte("password"), kdf.MinIterations); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *Vault) reseal(t *testing.T) (warnings []string) {
	t.Helper()
	if err := v.Seal(); err != nil {
		t.Fatal(err)
	}
	warnings, err := v.Unseal(context.Background(), []byte("password"), false)
	if err != nil {
		t.Fatal(err)
	}
	return warnings
}

// An owner with so many keys that its revocation takes several batches, and a
// crash after the first: the keys are unusable at once, and the next unseal
// finishes.
func TestInterruptedOwnerRevocationIsFinished(t *testing.T) {
	ctx := context.Background()
	v := openTestVault(t)
	const keys = 5
	for i := range keys {
		if _, err := v.CreateKey(ctx, CreateKey{Name: Name{"alice", fmt.Sprintf("k%d", i)}}); err != nil {
			t.Fatal(err)
		}
	}
	o := v.opened
	own := o.ring.existing("alice")
	own.life.Lock()
	rec := own.rec.clone()
	rec.revocations = append(rec.revocations, ownerRevocation{time: o.clock.stamp(), by: "root", reason: "left"})
	// The first batch: the owner and one of its keys.
	d := o.planDestruction(o.ring.keys[Name{"alice", "k0"}], 0, destroyedByOwner, "root", "left", o.clock.stamp())
	err := o.putOwner(ctx, own, rec, store.Batch{Puts: d.puts, Urgent: true})
	own.life.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := v.Encrypt(Encrypt{Key: Name{"alice", "k3"}}, nil); !errors.Is(err, ErrOwnerRevoked) {
		t.Errorf("encrypt: %v", err)
	}
	d.apply()
	if w := v.reseal(t); len(w) != 1 {
		t.Errorf("warnings %q", w)
	}
	for i := range keys {
		info, err := v.ShowKey(ctx, Name{"alice", fmt.Sprintf("k%d", i)})
		if err != nil || info.State != StateDestroyed {
			t.Errorf("key %d: %s, %v", i, info.State, err)
		}
	}
	if w := v.reseal(t); len(w) != 0 {
		t.Errorf("warnings the second time: %q", w)
	}
}

// A record that the store authenticates but the vault cannot read is damage,
// and never passed over.
func TestUnreadableRecordIsDamage(t *testing.T) {
	ctx := context.Background()
	for name, put := range map[string]func(*opened) store.Put{
		"malformed key": func(*opened) store.Put { return store.Put{ID: keyRecordID(Name{"a", "b"}), Body: []byte{1, 2, 3}} },
		"bad owner name": func(*opened) store.Put {
			return store.Put{ID: ownerRecordID("not a name"), Body: (&ownerRecord{created: testTime}).append(nil)}
		},
		"stray DEK": func(*opened) store.Put {
			return store.Put{ID: dekRecordID(KeyID{1}, 1), Body: appendDEKRecord(nil, make([]byte, dekLen))}
		},
		"stray material": func(*opened) store.Put {
			return store.Put{ID: materialRecordID(KeyID{1}, 1), Body: (&materialRecord{sealed: make([]byte, 60)}).append(nil)}
		},
		"key without owner": func(o *opened) store.Put {
			rec := testKeyRecord()
			rec.versions = rec.versions[:1] // which is destroyed, so that no material is missed
			return store.Put{ID: keyRecordID(Name{"nobody", "k"}), Body: rec.append(nil)}
		},
	} {
		v := openTestVault(t)
		if err := v.opened.commit(ctx, store.Batch{Puts: []store.Put{put(v.opened)}}); err != nil {
			t.Fatal(err)
		}
		if err := v.Seal(); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Unseal(ctx, []byte("password"), false); !errors.Is(err, ErrStoreCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if !v.Status().Sealed {
			t.Errorf("%s: the vault is open", name)
		}
	}
}

// The material of one key cannot serve as another's, nor as another version.
func TestMaterialIsBoundToItsPlace(t *testing.T) {
	ctx := context.Background()
	v := openTestVault(t)
	for _, n := range []string{"a", "b"} {
		if _, err := v.CreateKey(ctx, CreateKey{Name: Name{"alice", n}}); err != nil {
			t.Fatal(err)
		}
	}
	o := v.opened
	a, b := o.ring.keys[Name{"alice", "a"}], o.ring.keys[Name{"alice", "b"}]
	for _, kind := range []func(KeyID, uint32) store.ID{dekRecordID, materialRecordID} {
		rec, err := o.store.Get(kind(a.id, 1))
		if err != nil {
			t.Fatal(err)
		}
		if err := o.commit(ctx, store.Batch{Puts: []store.Put{{ID: kind(b.id, 1), Body: rec.Body, Expect: 1}}}); err != nil {
			t.Fatal(err)
		}
	}
	v.reseal(t)
	if _, _, err := v.Encrypt(Encrypt{Key: Name{"alice", "b"}}, nil); !errors.Is(err, ErrStoreCorrupt) {
		t.Errorf("encrypt under swapped material: %v", err)
	}
	if _, _, err := v.Encrypt(Encrypt{Key: Name{"alice", "a"}}, nil); err != nil {
		t.Errorf("the other key: %v", err)
	}
}

// Sealing wipes what was loaded: the handles of before do nothing any more.
func TestSealWipesHandles(t *testing.T) {
	ctx := context.Background()
	v := openTestVault(t)
	if _, err := v.CreateKey(ctx, CreateKey{Name: Name{"alice", "k"}}); err != nil {
		t.Fatal(err)
	}
	k := v.opened.ring.keys[Name{"alice", "k"}]
	if k.handles[0] == nil {
		t.Fatal("a new key is not ready")
	}
	if err := v.Seal(); err != nil {
		t.Fatal(err)
	}
	if k.handles[0] != nil || v.opened != nil {
		t.Error("something is left")
	}
}

// The time is noted even when nothing is changed, so that a crash forgets
// little of it.
func TestTimeIsNotedWhileIdle(t *testing.T) {
	ctx := context.Background()
	now := testTime
	v, err := New(Options{Dir: filepath.Join(t.TempDir(), "vault"), Now: func() time.Time { return now }, MinFree: 1 << 20, Ballast: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if _, err := v.Init(ctx, []byte("password"), kdf.MinIterations); err != nil {
		t.Fatal(err)
	}
	if _, err := v.CreateKey(ctx, CreateKey{Name: Name{"alice", "k"}, TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	seq := v.Status().Sequence
	if err := v.opened.noteTime(ctx, time.Minute); err != nil || v.Status().Sequence != seq {
		t.Errorf("noted again at once: %v", err)
	}
	now = now.Add(2 * time.Hour)
	if err := v.opened.noteTime(ctx, time.Minute); err != nil || v.Status().Sequence == seq {
		t.Errorf("not noted: %v", err)
	}
	now = now.Add(-2 * time.Hour)
	v.reseal(t)
	if _, _, err := v.Encrypt(Encrypt{Key: Name{"alice", "k"}}, nil); !errors.Is(err, ErrExpired) {
		t.Errorf("encrypt: %v", err)
	}
}
