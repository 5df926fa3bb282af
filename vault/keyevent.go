package vault

import (
	"slices"
	"time"
)

// KeyEventKind is what happened to a key.
type KeyEventKind uint8

// The kinds of events. The numbers are those of the API.
const (
	KeyCreated              KeyEventKind = 1
	KeyRotated              KeyEventKind = 2 // it has a new version
	KeyExpiring             KeyEventKind = 3 // its current version expires soon
	KeyExpired              KeyEventKind = 4 // its current version has
	KeySuspended            KeyEventKind = 5
	KeyResumed              KeyEventKind = 6
	KeyRevoked              KeyEventKind = 7
	KeyDestructionSet       KeyEventKind = 8
	KeyDestructionCancelled KeyEventKind = 9
	KeyDestroyed            KeyEventKind = 10
)

var keyEventNames = [...]string{
	KeyCreated: "created", KeyRotated: "rotated", KeyExpiring: "expiring", KeyExpired: "expired",
	KeySuspended: "suspended", KeyResumed: "resumed", KeyRevoked: "revoked",
	KeyDestructionSet: "destruction-scheduled", KeyDestructionCancelled: "destruction-cancelled", KeyDestroyed: "destroyed",
}

// String is the kind as users see it.
func (k KeyEventKind) String() string {
	if k == 0 || int(k) >= len(keyEventNames) {
		return "unknown"
	}
	return keyEventNames[k]
}

// KeyEventKinds are the names of all kinds.
func KeyEventKinds() []string { return slices.Clone(keyEventNames[KeyCreated:]) }

// KeyEvent is something that happened to a key and that its users may want to
// act on. It holds nothing secret.
type KeyEvent struct {
	Kind    KeyEventKind
	Name    Name
	ID      KeyID
	Type    string
	Version uint32    // zero is the key as a whole
	At      time.Time // when it happened
	Due     time.Time // for KeyExpiring and KeyDestructionSet, when that will be
}

// tell reports an event, after it was committed.
func (o *opened) tell(k *key, e KeyEvent) {
	if o.life.Happened == nil {
		return
	}
	e.Name, e.ID, e.Type = k.name, k.id, k.typ.Name
	o.life.Happened(e)
}

// tellDestroyed reports what a destruction ended.
func (o *opened) tellDestroyed(d *destruction, now time.Time) {
	if d.rec.allDestroyed() {
		o.tell(d.key, KeyEvent{Kind: KeyDestroyed, At: now})
		return
	}
	for i := range d.rec.versions {
		if v := &d.rec.versions[i]; v.destroyed.Equal(now) && v.cause != destroyedAtEnd {
			o.tell(d.key, KeyEvent{Kind: KeyDestroyed, Version: uint32(i + 1), At: now})
		}
	}
}

// tellTimes reports the versions that expired after one time and until another,
// and those for which a warning became due. A key whose lifetime is shorter than
// the warning is not warned of. It reports whether there were any.
func (o *opened) tellTimes(after, until time.Time, warning time.Duration) (some bool) {
	if o.life.Happened == nil || !until.After(after) {
		return false
	}
	for _, k := range o.ring.everyKey() {
		if e := k.timeEvent(after, until, warning); e.Kind != 0 {
			o.tell(k, e)
			some = true
		}
	}
	return some
}

// timeEvent is what time did to the current version, of kind 0 for nothing.
func (k *key) timeEvent(after, until time.Time, warning time.Duration) KeyEvent {
	k.mu.RLock()
	defer k.mu.RUnlock()
	number := k.current(until)
	end := k.rec.versions[number-1].notAfter
	if end.IsZero() {
		return KeyEvent{}
	}
	e := KeyEvent{Version: number, At: end}
	switch warn := end.Add(-warning); {
	case end.After(after) && !end.After(until):
		e.Kind = KeyExpired
	case warning > 0 && warn.After(after) && !warn.After(until):
		e.Kind, e.At, e.Due = KeyExpiring, until, end
	}
	// What was revoked or destroyed has been told of, and ends no more.
	if k.owner.revoked.Load() {
		return KeyEvent{}
	}
	switch k.state(number, until) {
	case StateActive, StateDeactivated, StateRetired:
		return e
	}
	return KeyEvent{}
}
