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
	o, info, err := v.destroyKey(ctx, c)
	if err != nil || !c.Now {
		return info, err
	}
	// Not within the operation: a large store takes a minute, and who seals the
	// vault, and everybody after that, would wait for it. Closing the store ends it.
	if err = o.store.Rewrite(context.WithoutCancel(ctx)); err == nil {
		err = v.removeAside()
	}
	switch {
	case err == nil:
		return info, nil
	case errors.Is(err, store.ErrClosed):
		err = ErrSealed.WithHint("the key is destroyed; its old bytes leave the store when that is rewritten next").Because(err)
	default:
		err = storeError(err)
	}
	v.log.Warn("a key is destroyed, but the store could not be rewritten yet", "key", info.ID.String(), "error", err)
	return KeyInfo{}, err
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
	release, _ := k.owner.hold()
	defer release()
	k.write.Lock()
	defer k.write.Unlock()
	if c.Version > uint32(len(k.rec.versions)) {
		return KeyInfo{}, E(CodeVersionNotFound, "key %s has no version %d", k.name, c.Version)
	}
	now := o.clock.stamp()
	d := o.planDestruction(k, c.Version, destroyedAsked, c.By, c.Reason, now)
	if d == nil {
		return KeyInfo{}, E(CodeKeyDestroyed, "key %s is destroyed already", k.name)
	}
	if err := k.tracked.end(k.name, d.versions); err != nil {
		return KeyInfo{}, err
	}
	if err := o.commit(ctx, store.Batch{Puts: d.puts, Urgent: true, Anchor: true}); err != nil {
		k.tracked.resume(d.versions)
		return KeyInfo{}, storeError(err)
	}
	d.apply()
	return k.info(now), nil
}

// destruction is the end of some of a key's versions: what to put, and what
// then holds in memory.
type destruction struct {
	key  *key
	rec  *keyRecord
	puts []store.Put

	versions []uint32 // that end
}

// planDestruction prepares the end of one version, or of all for number 0. It
// is nil when there is nothing left to destroy. The caller keeps the key from
// changing.
func (o *opened) planDestruction(k *key, number uint32, cause destroyCause, by, reason string, now time.Time) *destruction {
	d := &destruction{key: k, rec: k.rec.clone()}
	for i := range d.rec.versions {
		n, ver := uint32(i+1), &d.rec.versions[i]
		if number != 0 && number != n || !ver.destroyed.IsZero() {
			continue
		}
		ver.destroyed, ver.cause = now, cause
		d.versions = append(d.versions, n)
		m := materialRecord{spki: o.publicHalf(k, n)}
		// Both records were put once, when the version was made.
		d.puts = append(d.puts,
			store.Put{ID: dekRecordID(k.id, n), Body: appendDEKRecord(nil, nil), Expect: 1},
			store.Put{ID: materialRecordID(k.id, n), Body: m.append(nil), Expect: 1})
	}
	if d.puts == nil {
		return nil
	}
	d.rec.destroyedBy, d.rec.destroyReason = by, reason
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
		if h := k.handles[i]; h != nil && !d.rec.versions[i].destroyed.IsZero() {
			h.Wipe()
			k.handles[i] = nil
		}
	}
}

// RevokeKey puts a durable tombstone on a key: from then on every use of it is
// refused, decryption included. Its public keys and metadata stay readable.
// Revoking again changes nothing.
func (v *Vault) RevokeKey(ctx context.Context, c RevokeKey) (KeyInfo, error) {
	if err := checkTombstone(c.By, c.Reason); err != nil {
		return KeyInfo{}, err
	}
	o, err := v.enter()
	if err != nil {
		return KeyInfo{}, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(c.Name)
	if err != nil {
		return KeyInfo{}, err
	}
	k.write.Lock()
	defer k.write.Unlock()
	now := o.clock.stamp()
	if k.revoked != nil {
		return k.info(now), nil
	}
	t := &revocationRecord{id: k.id, name: k.name, time: now, by: c.By, reason: c.Reason}
	k.mu.RLock() // the end of its owner changes the record without k.write
	for i := range k.rec.versions {
		t.fingerprints = append(t.fingerprints, k.rec.versions[i].fingerprint)
	}
	k.mu.RUnlock()
	put := store.Put{ID: revocationRecordID(k.id), Body: t.append(nil)}
	if err := o.commit(ctx, store.Batch{Puts: []store.Put{put}, Urgent: true, Anchor: true}); err != nil {
		return KeyInfo{}, storeError(err)
	}
	o.ring.bury(t)
	k.mu.Lock()
	k.revoked = t
	k.wipeHandles()
	k.mu.Unlock()
	return k.info(now), nil
}

// bury enters the tombstone of a revoked key.
func (r *keyring) bury(t *revocationRecord) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tombs[t.id] = t
}
