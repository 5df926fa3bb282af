package vault

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

// changeKey commits what do makes of a copy of a key's record, and nothing when
// that is nothing, and tells of it as an event where that has a kind. Who ends or pauses a key may use the reserve of a full disk.
func (v *Vault) changeKey(ctx context.Context, n Name, urgent bool, told KeyEvent, do func(k *key, rec *keyRecord, now time.Time) error) (KeyInfo, error) {
	o, err := v.enter()
	if err != nil {
		return KeyInfo{}, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(n)
	if err != nil {
		return KeyInfo{}, err
	}
	release, _ := k.owner.hold()
	defer release()
	k.write.Lock()
	defer k.write.Unlock()
	if k.owner.revoked.Load() {
		return KeyInfo{}, ownerRevoked(k.owner.name)
	}
	now := o.clock.stamp()
	rec := k.rec.clone()
	if err := do(k, rec, now); err != nil {
		return KeyInfo{}, err
	}
	body := rec.append(nil)
	if bytes.Equal(body, k.rec.append(nil)) {
		return k.info(now), nil
	}
	put := store.Put{ID: keyRecordID(k.name), Body: body, Expect: k.recVersion}
	err = o.commit(ctx, store.Batch{Puts: []store.Put{put}, Urgent: urgent, Anchor: urgent})
	if errors.Is(err, store.ErrTooLarge) {
		return KeyInfo{}, E(CodeQuotaExceeded, "the record of key %s has no room for this", k.name).
			WithHint("change the key as a whole instead of single versions, or create another key").Because(err)
	}
	if err != nil {
		return KeyInfo{}, storeError(err)
	}
	k.mu.Lock()
	k.rec, k.recVersion = rec, k.recVersion+1
	for i := range rec.versions {
		if s := k.alone(uint32(i+1), now); s == StateSuspended || s == StatePendingDestruction {
			k.drop(i)
		}
	}
	k.mu.Unlock()
	if told.Kind != 0 {
		told.At = now
		if told.Kind == KeyDestructionSet {
			told.Due = rec.endingOf(told.Version).at
		}
		o.tell(k, told)
	}
	return k.info(now), nil
}

// drop wipes what was loaded of a version. The caller holds k.mu exclusively.
func (k *key) drop(i int) {
	if h := k.handles[i]; h != nil {
		h.Wipe()
		k.handles[i] = nil
	}
}

// version checks a number that a caller gives. The caller keeps the key from changing.
func (k *key) version(number uint32) error {
	if number > uint32(len(k.rec.versions)) {
		return E(CodeVersionNotFound, "key %s has no version %d", k.name, number)
	}
	return nil
}

// endingOf is the destruction that is set of a version, or for 0 of the key.
func (k *keyRecord) endingOf(version uint32) *ending {
	if version == 0 {
		return k.ending()
	}
	return k.versions[version-1].ending()
}
