package vault

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

// Owner is a namespace and what has become of it.
type Owner struct {
	Name      string
	Created   time.Time
	Revoked   bool
	RevokedAt time.Time // of the revocation in force, or else of the last
	RevokedBy string
	Reason    string
	Keys      int // with material left
}

// RevokeOwner asks for the end of an owner.
type RevokeOwner struct {
	Name   string
	Reason string
	By     string
}

// ownerBatchLimit keeps the batches of an owner's revocation under the store's limit.
const ownerBatchLimit = store.MaxBatch / 4 * 3

// CreateOwner makes a namespace known that is no OS user's, or before its
// user makes a first key. Errors: owner_exists, owner_revoked.
func (v *Vault) CreateOwner(ctx context.Context, name string) (Owner, error) {
	o, err := v.enter()
	if err != nil {
		return Owner{}, err
	}
	defer v.mu.RUnlock()
	if _, err := ParseOwner(name); err != nil {
		return Owner{}, err
	}
	own := o.ring.owner(name)
	own.life.Lock()
	defer own.life.Unlock()
	if own.revoked.Load() {
		return Owner{}, ownerRevoked(name)
	}
	if own.rec != nil {
		return Owner{}, E(CodeOwnerExists, "there is an owner %s already", name)
	}
	rec := &ownerRecord{created: o.clock.stamp()}
	if err := o.putOwner(ctx, own, rec, store.Batch{}); err != nil {
		return Owner{}, err
	}
	return o.describeOwner(own), nil
}

// ShowOwner tells about an owner. Error: owner_not_found.
func (v *Vault) ShowOwner(_ context.Context, name string) (Owner, error) {
	o, err := v.enter()
	if err != nil {
		return Owner{}, err
	}
	defer v.mu.RUnlock()
	own, err := o.knownOwner(name)
	if err != nil {
		return Owner{}, err
	}
	own.life.RLock()
	defer own.life.RUnlock()
	return o.describeOwner(own), nil
}

// RevokeOwner destroys every key of an owner and remembers it: it gets no new
// keys until it is reinstated, and what is destroyed stays so. An owner that
// the vault has never seen can be revoked too. Revoking again finishes what an
// interruption may have left. It also returns how many keys it destroyed.
func (v *Vault) RevokeOwner(ctx context.Context, c RevokeOwner) (Owner, int, error) {
	if err := checkTombstone(c.By, c.Reason); err != nil {
		return Owner{}, 0, err
	}
	if _, err := ParseOwner(c.Name); err != nil {
		return Owner{}, 0, err
	}
	o, err := v.enter()
	if err != nil {
		return Owner{}, 0, err
	}
	defer v.mu.RUnlock()
	own := o.ring.owner(c.Name)
	own.life.Lock()
	defer own.life.Unlock()
	now := o.clock.stamp()
	rec := &ownerRecord{created: now}
	if own.rec != nil {
		rec = own.rec.clone()
	}
	if rec.revoked() == nil {
		if len(rec.revocations) >= maxOwnerRevocations {
			return Owner{}, 0, E(CodeQuotaExceeded, "owner %s was revoked %d times already", c.Name, maxOwnerRevocations)
		}
		rec.revocations = append(rec.revocations, ownerRevocation{time: now, by: c.By, reason: c.Reason})
	}
	destroyed, err := o.destroyKeysOf(ctx, own, rec)
	if err != nil {
		return Owner{}, destroyed, err
	}
	return o.describeOwner(own), destroyed, nil
}

// destroyKeysOf destroys what is left of an owner's keys on the terms of the
// revocation in force in rec. The first batch, as a rule the only one, also
// puts rec where it is not the owner's record yet; further ones are needed
// only for tens of thousands of keys, which are unusable from the first on.
// The caller holds own.life exclusively.
func (o *opened) destroyKeysOf(ctx context.Context, own *owner, rec *ownerRecord) (int, error) {
	rev := rec.revoked()
	now := o.clock.stamp()
	var plan []*destruction
	destroyed, size := 0, 0
	flush := func() error {
		b := store.Batch{Urgent: true, Anchor: true}
		for _, d := range plan {
			b.Puts = append(b.Puts, d.puts...)
		}
		if err := o.putOwner(ctx, own, rec, b); err != nil {
			return err
		}
		for _, d := range plan {
			d.apply()
			o.tellDestroyed(d, now)
		}
		destroyed += len(plan)
		plan, size = plan[:0], 0
		return nil
	}
	for _, k := range o.ring.keysOf(own) {
		d := o.planDestruction(k, 0, destroyedByOwner, rev.by, rev.reason, now)
		if d == nil {
			continue
		}
		n := d.size()
		if size+n > ownerBatchLimit {
			if err := flush(); err != nil {
				return destroyed, err
			}
		}
		plan, size = append(plan, d), size+n
	}
	if len(plan) == 0 && own.rec == rec {
		return destroyed, nil
	}
	return destroyed, flush()
}

// size is what the store counts a destruction as.
func (d *destruction) size() int {
	n := 0
	for _, p := range d.puts {
		n += 128 + len(p.Path) + len(p.Body)
	}
	return n
}

// putOwner commits b, and with it rec where it is not own's record yet. The
// caller holds own.life exclusively.
func (o *opened) putOwner(ctx context.Context, own *owner, rec *ownerRecord, b store.Batch) error {
	if own.rec != rec {
		b.Puts = append(b.Puts, store.Put{ID: ownerRecordID(own.name), Body: rec.append(nil), Expect: own.recVersion})
	}
	if err := o.commit(ctx, b); err != nil {
		return storeError(err)
	}
	if own.rec != rec {
		o.ring.record(own, rec, own.recVersion+1)
	}
	return nil
}

// ReinstateOwner lets a revoked owner have keys again. What was destroyed
// stays destroyed, and the revocation stays in the list. Errors:
// owner_not_found, bad_argument when it is not revoked.
func (v *Vault) ReinstateOwner(ctx context.Context, name, by string) (Owner, error) {
	if err := checkTombstone(by, ""); err != nil {
		return Owner{}, err
	}
	o, err := v.enter()
	if err != nil {
		return Owner{}, err
	}
	defer v.mu.RUnlock()
	own, err := o.knownOwner(name)
	if err != nil {
		return Owner{}, err
	}
	own.life.Lock()
	defer own.life.Unlock()
	if own.rec.revoked() == nil {
		return Owner{}, E(CodeBadArgument, "owner %s is not revoked", name)
	}
	if _, err := o.destroyKeysOf(ctx, own, own.rec); err != nil {
		return Owner{}, err
	}
	rec := own.rec.clone()
	rev := rec.revoked()
	rev.reinstated, rev.reinstatedBy = o.clock.stamp(), by
	if err := o.putOwner(ctx, own, rec, store.Batch{Anchor: true}); err != nil {
		return Owner{}, err
	}
	return o.describeOwner(own), nil
}

// knownOwner finds an owner that has a record.
func (o *opened) knownOwner(name string) (*owner, error) {
	if _, err := ParseOwner(name); err != nil {
		return nil, err
	}
	own := o.ring.existing(name)
	if own != nil {
		own.life.RLock()
		defer own.life.RUnlock()
	}
	if own == nil || own.rec == nil {
		return nil, E(CodeOwnerNotFound, "there is no owner %s", name)
	}
	return own, nil
}

// describeOwner tells about a recorded owner. The caller holds own.life.
func (o *opened) describeOwner(own *owner) Owner {
	d := Owner{Name: own.name, Created: own.rec.created, Revoked: own.rec.revoked() != nil}
	if n := len(own.rec.revocations); n > 0 {
		last := &own.rec.revocations[n-1]
		d.RevokedAt, d.RevokedBy, d.Reason = last.time, last.by, last.reason
	}
	for _, k := range o.ring.keysOf(own) {
		k.mu.RLock()
		if !k.rec.allDestroyed() {
			d.Keys++
		}
		k.mu.RUnlock()
	}
	return d
}

// resumeRevocations finishes, at unseal, the owners whose revocation was
// interrupted between two batches. Their keys are unusable all the while.
func (o *opened) resumeRevocations(log *slog.Logger) (warnings []string) {
	for _, name := range slices.Clone(o.ring.sorted) {
		own := o.ring.existing(name)
		if !own.revoked.Load() {
			continue
		}
		own.life.Lock()
		n, err := o.destroyKeysOf(context.Background(), own, own.rec)
		own.life.Unlock()
		if err != nil {
			log.Warn("keys of a revoked owner are still to be destroyed", "error", err)
			warnings = append(warnings, "keys of a revoked owner are still to be destroyed; they stay unusable")
		}
		if n > 0 {
			log.Info("finished an interrupted owner revocation", "keys", n)
			warnings = append(warnings, fmt.Sprintf("an interrupted owner revocation was finished: %d keys destroyed", n))
		}
	}
	return warnings
}
