package vault

import "time"

// Statement is what somebody says of data that a key is to process although its
// state does not allow that by itself: that the data is older than the state.
// No key can tell when it protected something: who says so must know it from
// elsewhere, and answers for it (SP 800-57 Part 1 Rev. 5, sections 7.3, 7.5).
type Statement struct {
	ProtectedAt time.Time
	Admin       bool // who states it is an administrator
}

// accepts reports whether a statement opens what the state s of a version
// keeps closed. The caller holds k.mu.
func (k *key) accepts(st *Statement, s KeyState, number uint32) bool {
	if s.allows(opProcessBefore) || st.Admin && s.allows(opProcessByAdmin) {
		since := k.closedSince(s, number)
		return !st.ProtectedAt.IsZero() && !since.IsZero() && st.ProtectedAt.Before(since)
	}
	return false
}

// closedSince is the time from which on a suspended or revoked version answers
// for nothing; the earliest where there are several. The caller holds k.mu.
func (k *key) closedSince(s KeyState, number uint32) (since time.Time) {
	earlier := func(t time.Time) {
		if !t.IsZero() && (since.IsZero() || t.Before(since)) {
			since = t
		}
	}
	if k.rec.life != nil {
		if p := paused(k.rec.life.suspensions, number); p != nil {
			earlier(p.from)
		}
	}
	if l := k.rec.versions[number-1].life; l != nil {
		if p := paused(l.suspensions, number); p != nil {
			earlier(p.from)
		}
	}
	if s == StateSuspended {
		return since
	}
	if t := k.revoked; t != nil {
		earlier(t.time)
		earlier(t.compromised)
	}
	return since
}

// forgetRevoked wipes what a statement had loaded of a revoked key.
func (k *key) forgetRevoked(st *Statement) {
	if st == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.revoked != nil {
		k.wipeHandles()
	}
}
