package vault

import (
	"bytes"
	"slices"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// endedKey is a key that the present vault has ended or limited, in whole or in part.
type endedKey struct {
	over    bool // revoked, or a version destroyed: it stays, be it in the backup or not
	name    string
	version uint64     // of its record
	rec     *keyRecord // nil where only its tombstone is left
	theirs  *keyRecord // as the backup has it, nil where that has not

	// older: the backup's key has versions that this one does not have, as after
	// a restore from an older backup. Then the backup's stays, with what this ended.
	older     bool
	displaced bool       // the backup has another key of its name
	result    *keyRecord // what is written, nil for nothing

	tokens map[token]bool // registered in the backup, if older
	places uint32         // that those take
	full   bool           // there is no place left
}

// settle decides what is written of the key, and reports whether that is anything
// but what the backup has.
func (e *endedKey) settle() bool {
	switch {
	case !e.over && (e.theirs == nil || e.rec == nil):
		return false // made since, and gone; or known to the backup alone
	case e.theirs == nil && e.rec == nil:
		return true // the tombstone stays
	case e.rec == nil:
		e.older, e.result = true, e.theirs
		return true
	case e.theirs == nil:
		e.result = e.rec
		return true
	}
	e.older = len(e.theirs.versions) > common(e.rec, e.theirs)
	if e.older {
		e.result = e.theirs.clone()
		e.result.limit(e.rec)
		return true
	}
	limited := e.theirs.clone()
	limited.limit(e.rec)
	if !e.over && !e.rec.tracked && !e.calledOff() && bytes.Equal(limited.append(nil), e.theirs.append(nil)) {
		return false
	}
	e.result = e.rec.clone()
	e.result.destroyAs(e.theirs)
	return true
}

// calledOff reports whether the backup's key ends sooner, for good, than the
// present one: an end that was called off since does not come back.
func (e *endedKey) calledOff() bool {
	if off(e.theirs.ending(), e.rec.ending()) {
		return true
	}
	signs := e.theirs.uses&keytype.UseSign != 0
	for i := range e.theirs.versions {
		t, now := &e.theirs.versions[i], &e.rec.versions[i]
		if off(t.ending(), now.ending()) || signs && !t.notAfter.IsZero() && (now.notAfter.IsZero() || t.notAfter.Before(now.notAfter)) {
			return true
		}
	}
	return false
}

// off reports whether a destruction that was set is no longer, or later.
func off(set, now *ending) bool { return set != nil && (now == nil || set.at.Before(now.at)) }

// common is how many versions two records of a key have in common.
func common(a, b *keyRecord) int {
	n := min(len(a.versions), len(b.versions))
	for i := range n {
		if a.versions[i].fingerprint != b.versions[i].fingerprint {
			return i
		}
	}
	return n
}

// gone reports whether the material of a version does not exist any more.
func (k *keyRecord) gone(version uint32) bool {
	return version >= 1 && int(version) <= len(k.versions) && !k.versions[version-1].destroyed.IsZero()
}

// destroyAs marks as destroyed what the other record says was.
func (k *keyRecord) destroyAs(other *keyRecord) {
	asked := false
	for i := range common(k, other) {
		v, o := &k.versions[i], &other.versions[i]
		if o.destroyed.IsZero() || !v.destroyed.IsZero() && (v.cause != destroyedAtEnd || o.cause == destroyedAtEnd) {
			continue
		}
		v.destroyed, v.cause = o.destroyed, o.cause
		asked = asked || o.cause != destroyedAtEnd
	}
	if asked {
		k.destroyedBy, k.destroyReason = other.destroyedBy, other.destroyReason
	}
}

// limit takes every use away that the other record does not allow of what both
// have. A pause or an end of the whole key is one of all its versions.
func (k *keyRecord) limit(other *keyRecord) {
	k.destroyAs(other)
	shared := common(k, other)
	for i := range shared {
		k.versions[i].limit(&other.versions[i])
	}
	o := other.life
	if o == nil {
		return
	}
	l := k.editLife()
	l.minDecrypt = max(l.minDecrypt, min(o.minDecrypt, uint32(shared+1), uint32(len(k.versions)))) //nolint:gosec // bounded by MaxVersions
	if n := len(o.suspensions); n > 0 && o.suspensions[n-1].until.IsZero() {
		s := o.suspensions[n-1]
		if int(s.through) >= shared {
			s.through = uint32(len(k.versions)) //nolint:gosec // bounded by MaxVersions
		}
		l.suspensions = pauseToo(l.suspensions, s)
	}
	l.ending = sooner(l.ending, o.ending)
}

func (v *versionRecord) limit(other *versionRecord) {
	v.notAfter = earlier(v.notAfter, other.notAfter)
	o := other.life
	if o == nil {
		return
	}
	l := v.editLife()
	if o.notBefore.After(l.notBefore) {
		l.notBefore = o.notBefore
	}
	l.processUntil = earlier(l.processUntil, o.processUntil)
	if n := len(o.suspensions); n > 0 && o.suspensions[n-1].until.IsZero() {
		l.suspensions = pauseToo(l.suspensions, o.suspensions[n-1])
	}
	l.ending = sooner(l.ending, o.ending)
}

// earlier is the earlier of two times of which zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// sooner is the sooner of two destructions, which an administrator calls off if
// one of them was an administrator's.
func sooner(a, b *ending) *ending {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	s := *a
	if b.at.Before(a.at) {
		s = *b
	}
	s.admin = a.admin || b.admin
	return &s
}

// pauseToo adds a pause that lasts. Those before it that overlap with it are part of it.
func pauseToo(all []suspension, s suspension) []suspension {
	if n := len(all); n > 0 && all[n-1].until.IsZero() {
		open := all[n-1]
		if open.from.Equal(s.from) && open.through >= s.through && open.admin == (open.admin || s.admin) {
			return all // the same
		}
		s.through, s.admin = max(s.through, open.through), s.admin || open.admin
		if open.from.Before(s.from) {
			s.from = open.from
		}
		all = all[:n-1]
	}
	for len(all) > 0 && all[len(all)-1].until.After(s.from) {
		all = all[:len(all)-1]
	}
	return appendSuspension(slices.Clone(all), s)
}
