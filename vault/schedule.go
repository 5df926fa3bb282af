package vault

import (
	"context"
	"time"
)

// minDestroyAfter keeps a destruction that is set from being one at once.
const minDestroyAfter = time.Second

// scheduleDestruction sets a time for what DestroyKey does else at once.
func (v *Vault) scheduleDestruction(ctx context.Context, c DestroyKey) (KeyInfo, error) {
	switch {
	case c.Now:
		return KeyInfo{}, E(CodeBadArgument, "a destruction is now or at a time to come, not both")
	case c.After < minDestroyAfter || c.After > MaxTTL:
		return KeyInfo{}, E(CodeBadArgument, "a destruction is set for a second to 100 years from now")
	}
	undo := func() {}
	info, err := v.changeKey(ctx, c.Name, true, KeyEvent{Kind: KeyDestructionSet, Version: c.Version}, func(k *key, rec *keyRecord, now time.Time) error {
		if err := k.version(c.Version); err != nil {
			return err
		}
		// From here on no ciphertext is registered that would need what is to end.
		ends := rec.numbers(c.Version)
		if err := k.tracked.end(k.name, ends); err != nil {
			return err
		}
		undo = func() { k.tracked.resume(ends) }
		e := &ending{at: now.Add(c.After.Truncate(time.Microsecond)), since: now, admin: c.Admin, by: c.By, reason: c.Reason}
		if c.Version != 0 {
			if s := k.alone(c.Version, now); !s.allows(opSchedule) {
				return k.refusal(s, opSchedule, c.Version, now)
			}
			rec.versions[c.Version-1].editLife().ending = e
			return nil
		}
		if s := k.whole(now); s != StateActive && !s.allows(opSchedule) {
			return k.refusal(s, opSchedule, uint32(len(rec.versions)), now)
		}
		rec.editLife().ending = e
		return nil
	})
	if err != nil {
		undo()
	}
	return info, err
}

// numbers are those of one version, or of all for 0.
func (k *keyRecord) numbers(version uint32) []uint32 {
	if version != 0 {
		return []uint32{version}
	}
	all := make([]uint32, len(k.versions))
	for i := range all {
		all[i] = uint32(i + 1)
	}
	return all
}

// CancelDestruction asks to keep what is to be destroyed.
type CancelDestruction struct {
	Name    Name
	Version uint32 // zero is the key as a whole
	By      string
	Admin   bool
}

// CancelDestruction calls a set destruction off, until its time. What was to be
// destroyed is then suspended, and somebody has to say that it is to be used
// again. Errors: key_not_found, version_not_found, key_destroyed, wrong_state
// where none is set, and permission_denied for an administrator's.
func (v *Vault) CancelDestruction(ctx context.Context, c CancelDestruction) (KeyInfo, error) {
	if err := checkTombstone(c.By, ""); err != nil {
		return KeyInfo{}, err
	}
	resume := func() {}
	info, err := v.changeKey(ctx, c.Name, false, KeyEvent{Kind: KeyDestructionCancelled, Version: c.Version}, func(k *key, rec *keyRecord, now time.Time) error {
		if err := k.version(c.Version); err != nil {
			return err
		}
		resume = func() { k.tracked.resume(rec.numbers(c.Version)) }
		e, what := rec.ending(), "key "+k.name.String()
		if c.Version != 0 {
			e, what = rec.versions[c.Version-1].ending(), k.describe(c.Version)
		}
		gone := rec.allDestroyed()
		if c.Version != 0 {
			gone = k.alone(c.Version, now) == StateDestroyed
		}
		switch {
		case gone || e.due(now):
			return E(CodeKeyDestroyed, "%s is destroyed", what).WithHint("there is nothing left to keep; create another key")
		case e == nil && c.Version != 0 && rec.ending() != nil:
			return E(CodeWrongState, "key %s is to be destroyed as a whole", k.name).
				WithHint("cancel that with 'vaultctl key cancel-destruction %s'", k.name)
		case e == nil:
			return E(CodeWrongState, "no destruction of %s is set", what).WithHint("'vaultctl key show %s' tells what is", k.name)
		case e.admin && !c.Admin:
			return E(CodePermissionDenied, "the destruction of %s was set by an administrator, %s", what, e.by).
				WithHint("ask an administrator to cancel it")
		}
		s := suspension{from: now, admin: e.admin, by: c.By, reason: "its destruction was cancelled"}
		if c.Version != 0 {
			l := rec.versions[c.Version-1].editLife()
			l.ending = nil
			if paused(l.suspensions, c.Version) == nil {
				l.suspensions = appendSuspension(l.suspensions, s)
			}
			return nil
		}
		l := rec.editLife()
		l.ending = nil
		s.through = uint32(len(rec.versions))
		if i := len(l.suspensions) - 1; i >= 0 && l.suspensions[i].until.IsZero() {
			l.suspensions[i].through = s.through
		} else {
			l.suspensions = appendSuspension(l.suspensions, s)
		}
		return nil
	})
	if err == nil {
		resume()
	}
	return info, err
}
