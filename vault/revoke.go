package vault

import (
	"context"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

// RevokeKey puts a durable tombstone on a key: from then on every use of it is
// refused, decryption included. Its public keys and metadata stay readable.
// Revoking again changes nothing, but for a compromise that was not known, or
// is older than was known: that is put on record.
func (v *Vault) RevokeKey(ctx context.Context, c RevokeKey) (KeyInfo, error) {
	if err := checkTombstone(c.By, c.Reason); err != nil {
		return KeyInfo{}, err
	}
	if !c.Code.known() {
		return KeyInfo{}, E(CodeBadArgument, "there is no reason %d", c.Code).WithHint("certificateHold is 'vaultctl key suspend'")
	}
	if !c.Compromised.IsZero() && c.Code != ReasonKeyCompromise {
		return KeyInfo{}, E(CodeBadArgument, "only a revocation for key_compromise has a time of compromise")
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
	t, err := k.tombstone(c, now)
	if err != nil {
		return KeyInfo{}, err
	}
	if t == nil {
		return k.info(now), nil
	}
	put := store.Put{ID: revocationRecordID(k.id), Body: t.append(nil), Expect: t.version}
	if err := o.commit(ctx, store.Batch{Puts: []store.Put{put}, Urgent: true, Anchor: true}); err != nil {
		return KeyInfo{}, storeError(err)
	}
	t.version++
	o.ring.bury(t)
	k.mu.Lock()
	k.revoked = t
	k.wipeHandles()
	k.mu.Unlock()
	o.tell(k, KeyEvent{Kind: KeyRevoked, At: now})
	return k.info(now), nil
}

// tombstone is the one that c asks for, nil where the key has it already. The
// caller holds k.write.
func (k *key) tombstone(c RevokeKey, now time.Time) (*revocationRecord, error) {
	compromised := c.Compromised.Truncate(time.Microsecond)
	if c.Code == ReasonKeyCompromise && compromised.IsZero() {
		compromised = now
	}
	if compromised.After(now) || !compromised.IsZero() && compromised.Before(time.Unix(1, 0)) {
		return nil, E(CodeBadArgument, "a compromise that is known is not in the future")
	}
	if old := k.revoked; old != nil {
		if c.Code != ReasonKeyCompromise || old.code == ReasonKeyCompromise && !compromised.Before(old.compromised) {
			return nil, nil
		}
		// The time of the first revocation stays: nothing was to be trusted since.
		t := *old
		t.by, t.reason, t.code, t.compromised = c.By, c.Reason, c.Code, compromised
		return &t, nil
	}
	t := &revocationRecord{
		id: k.id, name: k.name, time: now, by: c.By, reason: c.Reason, code: c.Code, compromised: compromised,
	}
	k.mu.RLock() // the end of its owner changes the record without k.write
	defer k.mu.RUnlock()
	for i := range k.rec.versions {
		t.fingerprints = append(t.fingerprints, k.rec.versions[i].fingerprint)
	}
	return t, nil
}

// bury enters the tombstone of a revoked key.
func (r *keyring) bury(t *revocationRecord) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tombs[t.id] = t
}
