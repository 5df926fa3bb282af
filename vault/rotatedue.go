package vault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/store"
)

// rotateBatch bounds the keys that are rotated in one commit. Their changes, and
// a seal, wait for as long as that takes.
const rotateBatch = 64

// KeyRotation is a rotation that the vault made by itself, on a key's schedule.
type KeyRotation struct {
	Name    Name
	ID      KeyID
	Version uint32 // the new one
	At      time.Time
}

// rotateDue rotates the keys whose scheduled time has come, each once however
// many times were missed. It runs where endDue does. A key that can't be rotated
// keeps no other from it; the first such error is returned, and the key is tried
// again the next time.
func (v *Vault) rotateDue(ctx context.Context, o *opened) error {
	byOwner := make(map[*owner][]*key)
	now := o.clock.stamp()
	for _, k := range o.ring.everyKey() {
		if k.rotationDue(now) {
			byOwner[k.owner] = append(byOwner[k.owner], k)
		}
	}
	var first error
	for own, keys := range byOwner {
		for len(keys) > 0 {
			n := min(len(keys), rotateBatch)
			err := v.rotateSome(ctx, o, own, keys[:n])
			if errors.Is(err, ErrSealed) {
				return nil
			}
			if first == nil {
				first = err
			}
			keys = keys[n:]
		}
	}
	return first
}

// rotationDue reports whether the key is to be rotated by now. One that is
// paused, ending, or has its next version waiting is rotated once that is over.
func (k *key) rotationDue(now time.Time) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	r := k.rec.rotation
	if r == nil || now.Before(r.next) || k.owner.revoked.Load() || k.whole(now) != StateActive {
		return false
	}
	switch k.alone(uint32(len(k.rec.versions)), now) {
	case StateSuspended, StatePendingDestruction, StatePreActivation:
		return false
	}
	return true
}

// renewal is a new version of a key that is about to be stored.
type renewal struct {
	key  *key
	rec  *keyRecord
	puts []store.Put
}

// rotateSome rotates what is due of some keys of one owner, as one commit where
// that has room.
func (v *Vault) rotateSome(ctx context.Context, o *opened, own *owner, keys []*key) error {
	// Making a key may take a second, for which nobody is to wait: not a user of
	// the key, and not who seals the vault.
	material := make([][]byte, len(keys))
	defer func() {
		for _, m := range material {
			secret.Wipe(m)
		}
	}()
	for i, k := range keys {
		if !v.isStill(o) {
			return ErrSealed
		}
		var err error
		if material[i], err = k.typ.Generate(o.random); err != nil {
			return fmt.Errorf("generate a key of type %s: %w", k.typ.Name, err)
		}
	}
	// From here it is one operation: a seal waits for it, and it begins after none.
	if current, err := v.enter(); err != nil {
		return err
	} else if current != o {
		v.mu.RUnlock()
		return ErrSealed
	}
	defer v.mu.RUnlock()
	release, _ := own.hold()
	defer release()
	now := o.clock.stamp()
	var plan []*renewal
	size := 0
	var problems error
	flush := func() {
		problems = errors.Join(problems, o.renew(ctx, plan, now))
		plan, size = nil, 0
	}
	for i, k := range keys {
		k.write.Lock()
		r, err := o.planRenewal(k, material[i], now)
		if r == nil {
			k.write.Unlock()
			if err != nil {
				problems = errors.Join(problems, fmt.Errorf("key %s: %w", k.id, err))
			}
			continue
		}
		plan = append(plan, r)
		for _, p := range r.puts {
			size += len(p.Body)
		}
		if size > ownerBatchLimit/2 {
			flush()
		}
	}
	flush()
	return problems
}

// isStill reports whether the vault was not sealed since it became o.
func (v *Vault) isStill(o *opened) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.opened == o
}

// planRenewal is nil where the key is not due any more. The caller holds k.write.
func (o *opened) planRenewal(k *key, material []byte, now time.Time) (*renewal, error) {
	if !k.rotationDue(now) {
		return nil, nil
	}
	rec := k.rec.clone()
	handle, puts, err := o.newVersion(rec, k.typ, material, Periods{}, now)
	if err != nil {
		return nil, err
	}
	// It is loaded again at first use: of ten thousand keys few are in use at once.
	handle.Wipe()
	rec.rotation = rec.rotation.after(now)
	puts = append(puts, store.Put{ID: keyRecordID(k.name), Body: rec.append(nil), Expect: k.recVersion})
	return &renewal{k, rec, puts}, nil
}

// renew commits new versions, and lets go of their keys.
func (o *opened) renew(ctx context.Context, plan []*renewal, now time.Time) error {
	if len(plan) == 0 {
		return nil
	}
	var b store.Batch
	for _, r := range plan {
		b.Puts = append(b.Puts, r.puts...)
	}
	err := o.commit(ctx, b)
	wipePuts(b.Puts)
	for _, r := range plan {
		k := r.key
		if err == nil {
			k.mu.Lock()
			k.rec, k.recVersion = r.rec, k.recVersion+1
			k.handles = append(k.handles, nil)
			k.mu.Unlock()
		}
		k.write.Unlock()
	}
	if err != nil {
		return storeError(err)
	}
	for _, r := range plan {
		e := KeyRotation{r.key.name, r.key.id, uint32(len(r.rec.versions)), now}
		if o.life.Rotated != nil {
			o.life.Rotated(e)
		}
		o.tell(r.key, KeyEvent{Kind: KeyRotated, Version: e.Version, At: now})
	}
	return nil
}
