package vault_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault"
)

// Whatever happened to the keys of two histories, a restore of any backup over
// any state gives a whole vault, in which nothing works that was revoked, destroyed
// or limited in the vault before.
func TestRestoreOverAnyHistoryIsWhole(t *testing.T) {
	seed, rounds := rand.Uint64(), 8
	if testing.Short() {
		rounds = 3
	}
	if n, err := strconv.ParseUint(os.Getenv("VAULTD_SEED"), 10, 64); err == nil {
		seed, rounds = n, 200
	}
	t.Logf("VAULTD_SEED=%d does this again, for longer", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	r := newRig(t)
	files := [][]byte{r.backup(vault.BackupOptions{})}
	for round := range rounds {
		for range 15 {
			r.anything(rng)
		}
		files = append(files, r.backup(vault.BackupOptions{}))
		for range 5 {
			r.anything(rng)
		}
		before := make(map[vault.KeyID]vault.KeyInfo)
		for _, k := range r.allKeys() {
			before[k.ID] = r.show(k.Name.String())
		}
		n := rng.IntN(len(files))
		r.replaced(false, files[n])
		for _, k := range r.allKeys() {
			was, known := before[k.ID]
			now := r.show(k.Name.String())
			if known && !endsKept(was, now) {
				t.Errorf("round %d, backup %d: %s was %+v and is %+v", round, n, k.Name, was, now)
			}
		}
		r.wantWhole()
		if t.Failed() {
			return
		}
	}
}

// endsKept reports whether nothing that was not to be used can be used again.
func endsKept(was, now vault.KeyInfo) bool {
	if !was.Revoked.IsZero() && now.Revoked.IsZero() {
		return false
	}
	for i, v := range was.Versions[:min(len(was.Versions), len(now.Versions))] {
		n := now.Versions[i]
		if n.Fingerprint != v.Fingerprint {
			break // made by another history
		}
		switch v.State {
		case vault.StateDestroyed:
			if n.State != v.State {
				return false
			}
		case vault.StateSuspended, vault.StatePendingDestruction, vault.StateRetired:
			if n.State == vault.StateActive || n.State == vault.StateDeactivated {
				return false
			}
		}
	}
	return true
}

func (r *rig) allKeys() []vault.KeyInfo {
	r.Helper()
	list, _, err := r.ListKeys(ctx, vault.ListKeys{IncludeDestroyed: true})
	if err != nil {
		r.Fatal(err)
	}
	return list
}

// anything does something with some key. What its state forbids is refused.
func (r *rig) anything(rng *rand.Rand) {
	r.Helper()
	n := rng.IntN(6)
	name := r.name(fmt.Sprintf("owner%d/key%d", n%2, n))
	version := uint32(rng.IntN(3))
	r.clock.Advance(time.Duration(rng.IntN(100)) * time.Minute)
	switch rng.IntN(16) {
	case 0, 1, 2, 3:
		typ := []string{"xaes-256-gcm", "xaes-256-gcm", "ed25519"}[n%3]
		_, _ = r.CreateKey(ctx, vault.CreateKey{Name: name, Type: typ, Tracked: n%3 == 0, TTL: time.Duration(n%2) * 50 * time.Hour})
	case 4, 5:
		_, _ = r.RotateKey(ctx, vault.RotateKey{Name: name})
	case 6, 7:
		_, _, _ = r.Encrypt(vault.Encrypt{Key: name, Plaintext: []byte("x")}, nil)
	case 8:
		_, _ = r.Forget(ctx, vault.Forget{Key: name, Version: max(version, 1)})
	case 9:
		_, _ = r.DestroyKey(ctx, vault.DestroyKey{Name: name, Version: version, By: "root"})
	case 10:
		_, _ = r.DestroyKey(ctx, vault.DestroyKey{Name: name, Version: version, By: "root", After: time.Duration(1+rng.IntN(30)) * time.Hour})
	case 11:
		_, _ = r.CancelDestruction(ctx, vault.CancelDestruction{Name: name, Version: version, By: "root", Admin: true})
	case 12:
		_, _ = r.SuspendKey(ctx, vault.SuspendKey{Name: name, Version: version, By: "root", Admin: rng.IntN(2) == 0})
	case 13:
		_, _ = r.ResumeKey(ctx, vault.ResumeKey{Name: name, Version: version, By: "root", Admin: true})
	case 14:
		_, _ = r.UpdateKey(ctx, vault.UpdateKey{Name: name, MinDecryptVersion: max(version, 1)})
		if rng.IntN(2) == 0 {
			_, _, _ = r.TrimKey(ctx, vault.TrimKey{Name: name, By: "root"})
		}
	case 15:
		code := vault.ReasonSuperseded
		if rng.IntN(2) == 0 {
			code = vault.ReasonKeyCompromise
		}
		_, _ = r.RevokeKey(ctx, vault.RevokeKey{Name: name, By: "root", Code: code})
	}
}
