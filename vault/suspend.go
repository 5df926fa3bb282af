package vault

import (
	"context"
	"slices"
	"time"
)

// SuspendKey asks for a pause of a key or of one version.
type SuspendKey struct {
	Name    Name
	Version uint32 // zero is every version that there is now
	Reason  string // at most MaxSuspensionReasonLen bytes
	By      string // who asks
	Admin   bool   // who asks is an administrator: only one of those can resume it
}

// ResumeKey asks for the end of a pause.
type ResumeKey struct {
	Name    Name
	Version uint32 // zero is all that is suspended of the key
	By      string
	Admin   bool
}

// SuspendKey pauses a key: it protects nothing, and processes only what is
// stated to be older (SP 800-57 Part 1 Rev. 5, section 7.3). Versions added
// later are not suspended. Errors: key_not_found, version_not_found, and
// wrong_state where there is nothing to suspend.
func (v *Vault) SuspendKey(ctx context.Context, c SuspendKey) (KeyInfo, error) {
	if err := checkTombstone(c.By, c.Reason); err != nil {
		return KeyInfo{}, err
	}
	if len(c.Reason) > MaxSuspensionReasonLen {
		return KeyInfo{}, E(CodeBadArgument, "the reason of a suspension has up to %d bytes", MaxSuspensionReasonLen)
	}
	return v.changeKey(ctx, c.Name, true, KeyEvent{Kind: KeySuspended, Version: c.Version}, func(k *key, rec *keyRecord, now time.Time) error {
		if err := k.version(c.Version); err != nil {
			return err
		}
		s := suspension{from: now, admin: c.Admin, by: c.By, reason: c.Reason}
		if c.Version != 0 {
			if s := k.alone(c.Version, now); !s.allows(opSuspend) {
				return k.refusal(s, opSuspend, c.Version, now)
			}
			l := rec.versions[c.Version-1].editLife()
			l.suspensions = appendSuspension(l.suspensions, s)
			return nil
		}
		if !k.any(now, opSuspend) {
			n := k.current(now)
			return k.refusal(k.alone(n, now), opSuspend, n, now)
		}
		s.through = uint32(len(rec.versions))
		l := rec.editLife()
		if i := len(l.suspensions) - 1; i >= 0 && l.suspensions[i].until.IsZero() {
			// Versions came since. It grows, so that it is no shorter for any of them.
			open := &l.suspensions[i]
			open.through, open.admin, open.by, open.reason = s.through, open.admin || s.admin, s.by, s.reason
			return nil
		}
		l.suspensions = appendSuspension(l.suspensions, s)
		return nil
	})
}

// appendSuspension forgets the oldest where there is no room.
func appendSuspension(all []suspension, s suspension) []suspension {
	if len(all) >= maxSuspensions {
		all = slices.Delete(all, 0, len(all)-maxSuspensions+1)
	}
	return append(all, s)
}

// any reports whether some version's state allows op. The caller keeps the key
// from changing.
func (k *key) any(now time.Time, op operation) bool {
	for n := range uint32(len(k.rec.versions)) {
		if k.alone(n+1, now).allows(op) {
			return true
		}
	}
	return false
}

// ResumeKey ends a suspension. What a version is then depends on its times: one
// whose period ended meanwhile is deactivated. Errors: key_not_found,
// version_not_found, wrong_state where nothing is suspended, and
// permission_denied for somebody else's suspension by an administrator.
func (v *Vault) ResumeKey(ctx context.Context, c ResumeKey) (KeyInfo, error) {
	if err := checkTombstone(c.By, ""); err != nil {
		return KeyInfo{}, err
	}
	return v.changeKey(ctx, c.Name, false, KeyEvent{Kind: KeyResumed, Version: c.Version}, func(k *key, rec *keyRecord, now time.Time) error {
		if err := k.version(c.Version); err != nil {
			return err
		}
		if c.Version != 0 {
			return k.resumeVersion(rec, c, now)
		}
		if !k.any(now, opResume) {
			s := k.stateOfAll(now)
			return E(CodeWrongState, "key %s is not suspended but %s", k.name, s).WithHint("'vaultctl key show %s' tells more", k.name)
		}
		if rec.life != nil {
			if err := k.close(rec.editLife().suspensions, c, now); err != nil {
				return err
			}
		}
		for i := range rec.versions {
			if ver := &rec.versions[i]; ver.life != nil {
				if err := k.close(ver.editLife().suspensions, c, now); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (k *key) resumeVersion(rec *keyRecord, c ResumeKey, now time.Time) error {
	ver := &rec.versions[c.Version-1]
	switch s := k.alone(c.Version, now); {
	case !s.allows(opResume):
		return E(CodeWrongState, "version %d of key %s is not suspended but %s", c.Version, k.name, s).
			WithHint("'vaultctl key show %s' tells more", k.name)
	case rec.life != nil && paused(rec.life.suspensions, c.Version) != nil:
		return E(CodeWrongState, "key %s is suspended as a whole", k.name).WithHint("resume it with 'vaultctl key resume %s'", k.name)
	}
	return k.close(ver.editLife().suspensions, c, now)
}

// close ends the suspension under way among all, which the caller owns.
func (k *key) close(all []suspension, c ResumeKey, now time.Time) error {
	for i := range all {
		s := &all[i]
		switch {
		case !s.until.IsZero():
			continue
		case s.admin && !c.Admin:
			return E(CodePermissionDenied, "key %s was suspended by an administrator, %s", k.name, s.by).
				WithHint("ask an administrator to resume it")
		}
		s.until = now
	}
	return nil
}
