package vault

import (
	"context"
	"errors"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

// DestroyKey destroys the material of one version or of all, for good: what
// was encrypted under it stays closed. The name stays taken and public keys
// stay readable. With Now the store is rewritten at once, so that the
// overwritten bytes leave it; docs/FORMAT.md says what flash may keep. Errors:
// key_not_found, version_not_found, key_destroyed, and still_needed for a
// version that a registered ciphertext needs.
func (v *Vault) DestroyKey(ctx context.Context, c DestroyKey) (KeyInfo, error) {
	if err := checkTombstone(c.By, c.Reason); err != nil {
		return KeyInfo{}, err
	}
	if c.After != 0 {
		return v.scheduleDestruction(ctx, c)
	}
	o, info, err := v.destroyKey(ctx, c)
	if err != nil || !c.Now {
		return info, err
	}
	// Not within the operation: a large store takes a minute, and who seals the
	// vault, and everybody after that, would wait for it. Closing the store ends it.
	if err := v.rewrite(ctx, o); err != nil {
		v.log.Warn("a key is destroyed, but the store could not be rewritten yet", "key", info.ID.String(), "error", err)
		return KeyInfo{}, err
	}
	return info, nil
}

// rewrite copies the store into a new generation, without what was overwritten,
// and removes what was set aside before an upgrade.
func (v *Vault) rewrite(ctx context.Context, o *opened) error {
	err := o.store.Rewrite(context.WithoutCancel(ctx))
	if err == nil {
		err = v.removeAside()
	}
	if errors.Is(err, store.ErrClosed) {
		return ErrSealed.WithHint("what is destroyed stays so; its old bytes leave the store when that is rewritten next").Because(err)
	}
	return storeError(err)
}

// destroyKey is all of DestroyKey but the rewrite.
func (v *Vault) destroyKey(ctx context.Context, c DestroyKey) (*opened, KeyInfo, error) {
	o, err := v.enter()
	if err != nil {
		return nil, KeyInfo{}, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(c.Name)
	if err != nil {
		return nil, KeyInfo{}, err
	}
	info, err := o.destroy(ctx, k, c)
	return o, info, err
}

func (o *opened) destroy(ctx context.Context, k *key, c DestroyKey) (KeyInfo, error) {
	return o.end(ctx, k, func(now time.Time) (*destruction, error) {
		if err := k.version(c.Version); err != nil {
			return nil, err
		}
		d := o.planDestruction(k, c.Version, destroyedAsked, c.By, c.Reason, now)
		if d == nil {
			return nil, E(CodeKeyDestroyed, "key %s is destroyed already", k.name)
		}
		return d, nil
	})
}

// end carries out what plan makes of a key, which changes by nobody else meanwhile.
func (o *opened) end(ctx context.Context, k *key, plan func(now time.Time) (*destruction, error)) (KeyInfo, error) {
	release, _ := k.owner.hold()
	defer release()
	k.write.Lock()
	defer k.write.Unlock()
	now := o.clock.stamp()
	d, err := plan(now)
	if err != nil {
		return KeyInfo{}, err
	}
	if err := k.tracked.end(k.name, d.versions); err != nil {
		return KeyInfo{}, err
	}
	if err := o.commit(ctx, store.Batch{Puts: d.puts, Urgent: true, Anchor: true}); err != nil {
		k.tracked.resume(d.versions)
		return KeyInfo{}, storeError(err)
	}
	d.apply()
	o.tellDestroyed(d, now)
	return k.info(now), nil
}

// destruction is the end of some of a key's versions: what to put, and what
// then holds in memory.
type destruction struct {
	key  *key
	rec  *keyRecord
	puts []store.Put

	versions []uint32 // whose material ends
}

// planDestruction prepares the end of one version, or of all for number 0. It
// is nil when there is nothing left to destroy. The caller keeps the key from
// changing.
func (o *opened) planDestruction(k *key, number uint32, cause destroyCause, by, reason string, now time.Time) *destruction {
	return o.planEnd(k, func(n uint32) destroyCause {
		if number != 0 && number != n {
			return notDestroyed
		}
		return cause
	}, by, reason, now)
}

// planEnd is planDestruction of the versions for which doom has a cause.
func (o *opened) planEnd(k *key, doom func(number uint32) destroyCause, by, reason string, now time.Time) *destruction {
	d := &destruction{key: k, rec: k.rec.clone()}
	ended, asked := false, false
	for i := range d.rec.versions {
		n, ver := uint32(i+1), &d.rec.versions[i]
		cause := doom(n)
		if cause == notDestroyed || !ver.destroyed.IsZero() && (ver.cause != destroyedAtEnd || cause == destroyedAtEnd) {
			continue
		}
		material := ver.destroyed.IsZero() // else only the public half is left, which stays readable
		ver.destroyed, ver.cause = now, cause
		ended, asked = true, asked || cause != destroyedAtEnd
		if !material {
			continue
		}
		d.versions = append(d.versions, n)
		m := materialRecord{spki: o.publicHalf(k, n)}
		// Both records were put once, when the version was made.
		d.puts = append(d.puts,
			store.Put{ID: dekRecordID(k.id, n), Body: appendDEKRecord(nil, nil), Expect: 1},
			store.Put{ID: materialRecordID(k.id, n), Body: m.append(nil), Expect: 1})
	}
	if !ended {
		return nil
	}
	if asked {
		d.rec.destroyedBy, d.rec.destroyReason = by, reason
	}
	d.puts = append(d.puts, store.Put{ID: keyRecordID(k.name), Body: d.rec.append(nil), Expect: k.recVersion})
	return d
}

// publicHalf is what outlives destroyed material. Material that cannot be read
// any more is destroyed all the same, then without it.
func (o *opened) publicHalf(k *key, number uint32) []byte {
	if !k.typ.Asymmetric() {
		return nil
	}
	if m, err := o.materialRecord(k, number); err == nil {
		return m.spki
	}
	return nil
}

// apply makes a committed destruction hold in memory. It waits for the
// operations that use the key.
func (d *destruction) apply() {
	k := d.key
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rec, k.recVersion = d.rec, k.recVersion+1
	for i := range d.rec.versions {
		if !d.rec.versions[i].destroyed.IsZero() {
			k.drop(i)
		}
	}
}
