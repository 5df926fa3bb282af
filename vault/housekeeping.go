package vault

import (
	"context"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

// endBatch bounds the keys that are ended in one commit, and with it how long
// their owner waits.
const endBatch = 64

// endDue destroys, by itself, the material whose time has come: what somebody
// set a destruction for, and the private halves of signing keys whose period is
// over. None of it could be used any more since that time, so that it does not
// matter when this runs; it runs at unseal and every NoteEvery. It returns the
// first error, and leaves the rest for the next time.
func (o *opened) endDue(ctx context.Context) error {
	byOwner := make(map[*owner][]*key)
	now := o.clock.stamp()
	for _, k := range o.ring.everyKey() {
		if k.hasDue(now) {
			byOwner[k.owner] = append(byOwner[k.owner], k)
		}
	}
	for own, keys := range byOwner {
		for len(keys) > 0 {
			n := min(len(keys), endBatch)
			if err := o.endKeys(ctx, own, keys[:n]); err != nil {
				return err
			}
			keys = keys[n:]
		}
	}
	return nil
}

func (k *key) hasDue(now time.Time) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for n := range uint32(len(k.rec.versions)) {
		if k.dueCause(n+1, now) != notDestroyed {
			return true
		}
	}
	return false
}

// dueCause is why a version is to be destroyed by now, if it is and was not yet.
// The caller holds k.mu, or keeps the key from changing.
func (k *key) dueCause(number uint32, now time.Time) destroyCause {
	v := &k.rec.versions[number-1]
	switch {
	case !v.destroyed.IsZero() && v.cause != destroyedAtEnd:
		return notDestroyed
	case k.rec.ending().due(now), v.ending().due(now):
		return destroyedAsked
	case v.destroyed.IsZero() && v.ended(now) && k.signsOnly():
		return destroyedAtEnd
	}
	return notDestroyed
}

// endKeys ends what is due of some keys of one owner, as one commit where that
// has room. Their changes are held off in the same order in which everybody
// does: first the owner, then one key.
func (o *opened) endKeys(ctx context.Context, own *owner, keys []*key) error {
	release, _ := own.hold()
	defer release()
	now := o.clock.stamp()
	var plan []*destruction
	size := 0
	flush := func() error {
		defer func() {
			for _, d := range plan {
				d.key.write.Unlock()
			}
			plan, size = nil, 0
		}()
		if len(plan) == 0 {
			return nil
		}
		b := store.Batch{Urgent: true, Anchor: true}
		for _, d := range plan {
			b.Puts = append(b.Puts, d.puts...)
		}
		if err := o.commit(ctx, b); err != nil {
			return storeError(err)
		}
		for _, d := range plan {
			d.apply()
			o.tellEnd(d, now)
			o.tellDestroyed(d, now)
		}
		return nil
	}
	for _, k := range keys {
		k.write.Lock()
		d := o.planDue(k, now)
		if d == nil {
			k.write.Unlock()
			continue
		}
		plan, size = append(plan, d), size+d.size()
		if size > ownerBatchLimit/2 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

func (o *opened) planDue(k *key, now time.Time) *destruction {
	by, reason := "", ""
	for _, e := range k.endings() {
		if e.due(now) {
			by, reason = e.by, e.reason
		}
	}
	return o.planEnd(k, func(n uint32) destroyCause { return k.dueCause(n, now) }, by, reason, now)
}

// endings are the destructions that are set of a key and its versions.
func (k *key) endings() (all []*ending) {
	for i := range k.rec.versions {
		if e := k.rec.versions[i].ending(); e != nil {
			all = append(all, e)
		}
	}
	if e := k.rec.ending(); e != nil {
		all = append(all, e)
	}
	return all
}

// tellEnd reports what was ended.
func (o *opened) tellEnd(d *destruction, now time.Time) {
	if o.life.Ended == nil {
		return
	}
	private := KeyEnd{Name: d.key.name, ID: d.key.id, Private: true, At: now}
	set := KeyEnd{Name: d.key.name, ID: d.key.id, At: now}
	for i := range d.rec.versions {
		v := &d.rec.versions[i]
		switch {
		case !v.destroyed.Equal(now):
		case v.cause == destroyedAtEnd:
			private.Versions = append(private.Versions, uint32(i+1))
		default:
			set.Versions = append(set.Versions, uint32(i+1))
		}
	}
	for _, e := range []KeyEnd{private, set} {
		if len(e.Versions) > 0 {
			o.life.Ended(e)
		}
	}
}
