package vault

import (
	"slices"
	"time"
)

// Bounds of what a record keeps of a key's life.
const (
	maxSuspensions = 8 // of a key, and of each version by itself: the newest; the audit log has them all
)

// Tags of extras of a key; 1 to 31 are of the life of keys.
const (
	tagMinDecrypt     = 1
	tagProcessTTL     = 2
	tagKeySuspensions = 3
	tagKeyEnding      = 4
)

// Tags of extras of a version; 1 to 31 are of the life of keys.
const (
	tagNotBefore    = 1
	tagProcessUntil = 2
	tagSuspensions  = 3
	tagEnding       = 4
)

// keyLife is what most keys do not have of a life: what was decided of the key
// as a whole. It is replaced, never changed.
type keyLife struct {
	minDecrypt  uint32        // versions below open nothing; 0 is none
	processTTL  time.Duration // recipient-usage period of each new version, from its activation; 0 is none
	suspensions []suspension
	ending      *ending
}

// versionLife is the same of one version.
type versionLife struct {
	notBefore    time.Time // zero is its creation
	processUntil time.Time // zero is never
	suspensions  []suspension
	ending       *ending
}

// suspension is one pause; the last may be under way.
type suspension struct {
	from, until time.Time // until is zero while it lasts
	through     uint32    // of a key: versions up to this one; 0 of a version
	admin       bool      // an administrator's, which others cannot end
	by, reason  string
}

// ending is a destruction that is set for a time.
type ending struct {
	at, since  time.Time
	admin      bool // an administrator's, which others cannot cancel
	by, reason string
}

// paused is the suspension under way that covers a version, nil for none.
func paused(all []suspension, number uint32) *suspension {
	for i := range all {
		if s := &all[i]; s.until.IsZero() && (s.through == 0 || number <= s.through) {
			return s
		}
	}
	return nil
}

// due reports whether the time has come.
func (e *ending) due(now time.Time) bool { return e != nil && !now.Before(e.at) }

func (l *keyLife) extras() (extras []extra) {
	if l.minDecrypt != 0 {
		extras = append(extras, extra{tagMinDecrypt, appendU32(nil, l.minDecrypt)})
	}
	if l.processTTL != 0 {
		extras = append(extras, extra{tagProcessTTL, appendDuration(nil, l.processTTL)})
	}
	return appendPauses(extras, tagKeySuspensions, l.suspensions, tagKeyEnding, l.ending)
}

func (l *versionLife) extras() (extras []extra) {
	if !l.notBefore.IsZero() {
		extras = append(extras, extra{tagNotBefore, appendTime(nil, l.notBefore)})
	}
	if !l.processUntil.IsZero() {
		extras = append(extras, extra{tagProcessUntil, appendTime(nil, l.processUntil)})
	}
	return appendPauses(extras, tagSuspensions, l.suspensions, tagEnding, l.ending)
}

func appendPauses(extras []extra, tag uint8, all []suspension, endTag uint8, e *ending) []extra {
	if len(all) > 0 {
		b := []byte{byte(len(all))}
		for i := range all {
			s := &all[i]
			b = appendTime(b, s.from)
			b = appendTime(b, s.until)
			b = appendU32(b, s.through)
			b = appendBool(b, s.admin)
			b = appendStr8(b, s.by)
			b = appendStr16(b, s.reason)
		}
		extras = append(extras, extra{tag, b})
	}
	if e != nil {
		b := appendTime(nil, e.at)
		b = appendTime(b, e.since)
		b = appendBool(b, e.admin)
		b = appendStr8(b, e.by)
		extras = append(extras, extra{endTag, appendStr16(b, e.reason)})
	}
	return extras
}

// set takes one extra, and reports whether it is one of these and well-formed.
func (l *keyLife) set(x extra) bool {
	r := &reader{b: x.body}
	switch x.tag {
	case tagMinDecrypt:
		l.minDecrypt = r.u32()
		r.check(l.minDecrypt >= 1 && l.minDecrypt <= MaxVersions)
	case tagProcessTTL:
		l.processTTL = r.duration()
		r.check(l.processTTL > 0)
	case tagKeySuspensions:
		l.suspensions = readSuspensions(r, true)
	case tagKeyEnding:
		l.ending = readEnding(r)
	default:
		return false
	}
	return r.done() == nil
}

func (l *versionLife) set(x extra) bool {
	r := &reader{b: x.body}
	switch x.tag {
	case tagNotBefore:
		l.notBefore = r.time()
		r.check(!l.notBefore.IsZero())
	case tagProcessUntil:
		l.processUntil = r.time()
		r.check(!l.processUntil.IsZero())
	case tagSuspensions:
		l.suspensions = readSuspensions(r, false)
	case tagEnding:
		l.ending = readEnding(r)
	default:
		return false
	}
	return r.done() == nil
}

// fits reports whether what is said of versions is of those that there are.
func (l *keyLife) fits(versions int) bool {
	for i := range l.suspensions {
		if int(l.suspensions[i].through) > versions {
			return false
		}
	}
	return int(l.minDecrypt) <= versions
}

// readSuspensions reads pauses in the order of their beginnings, of which only
// the last may be under way.
func readSuspensions(r *reader, ofKey bool) []suspension {
	n := int(r.u8())
	r.check(n >= 1 && n <= maxSuspensions)
	var all []suspension
	for i := range n {
		s := suspension{from: r.time(), until: r.time(), through: r.u32(), admin: r.bool(), by: r.str8(), reason: r.str16()}
		r.check(!s.from.IsZero() && (s.until.IsZero() && i == n-1 || !s.until.Before(s.from)))
		r.check((s.through != 0) == ofKey && s.through <= MaxVersions && len(s.reason) <= MaxSuspensionReasonLen)
		r.check(i == 0 || !s.from.Before(all[i-1].until))
		if r.failed {
			return nil
		}
		all = append(all, s)
	}
	return all
}

func readEnding(r *reader) *ending {
	e := &ending{at: r.time(), since: r.time(), admin: r.bool(), by: r.str8(), reason: r.str16()}
	r.check(!e.since.IsZero() && !e.at.Before(e.since) && len(e.reason) <= MaxReasonLen)
	return e
}

// editLife returns a copy of the key's life to change, as the record's own.
func (k *keyRecord) editLife() *keyLife {
	l := &keyLife{}
	if k.life != nil {
		*l = *k.life
		l.suspensions = slices.Clone(l.suspensions)
	}
	k.life = l
	return l
}

// editLife returns a copy of the version's life to change, as the version's own.
func (v *versionRecord) editLife() *versionLife {
	l := &versionLife{}
	if v.life != nil {
		*l = *v.life
		l.suspensions = slices.Clone(l.suspensions)
	}
	v.life = l
	return l
}
