package vault

import (
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// signsOnly reports whether the key's private half does nothing but sign: it
// is destroyed at the end of its period, while the public half goes on
// verifying (SP 800-57 Part 1 Rev. 5, section 7.2, transitions 5 and 8).
func (k *key) signsOnly() bool {
	return k.typ.Uses&keytype.UseSign != 0 && k.rec.uses&^(keytype.UseSign|keytype.UseVerify) == 0
}

// ended reports whether the originator-usage period of the version is over.
func (v *versionRecord) ended(now time.Time) bool {
	return !v.notAfter.IsZero() && !now.Before(v.notAfter)
}

// waiting reports whether the version's time has not come.
func (v *versionRecord) waiting(now time.Time) bool {
	return v.life != nil && now.Before(v.life.notBefore)
}

// activation is when the version begins to protect.
func (v *versionRecord) activation() time.Time {
	if v.life != nil && v.life.notBefore.After(v.created) {
		return v.life.notBefore
	}
	return v.created
}

// destroyedBy is when the version is destroyed, as known now: zero for never.
// It is the time set for it even where nobody got to it yet.
func (k *key) destroyedAt(v *versionRecord) time.Time {
	at := v.destroyed
	if v.cause == destroyedAtEnd {
		at = time.Time{}
	}
	for _, e := range []*ending{k.rec.ending(), v.ending()} {
		if e != nil && (at.IsZero() || e.at.Before(at)) {
			at = e.at
		}
	}
	return at
}

func (k *keyRecord) ending() *ending {
	if k.life == nil {
		return nil
	}
	return k.life.ending
}

func (v *versionRecord) ending() *ending {
	if v.life == nil {
		return nil
	}
	return v.life.ending
}

// current is the number of the version that protects new data: the newest whose
// time has come, or the first. One that was destroyed before its time never
// came. The caller holds k.mu.
func (k *key) current(now time.Time) uint32 {
	for n := len(k.rec.versions); n > 1; n-- {
		v := &k.rec.versions[n-1]
		if v.life == nil || v.life.notBefore.IsZero() {
			return uint32(n)
		}
		gone := k.destroyedAt(v)
		if !now.Before(v.life.notBefore) && (gone.IsZero() || !gone.Before(v.life.notBefore)) {
			return uint32(n)
		}
	}
	return 1
}

// alone is the state of version number at a time, whatever versions there are
// beside it. The caller holds k.mu.
func (k *key) alone(number uint32, now time.Time) KeyState {
	v := &k.rec.versions[number-1]
	whole, own := k.rec.life, v.life
	switch {
	case !v.destroyed.IsZero() && v.cause != destroyedAtEnd,
		whole != nil && whole.ending.due(now), own != nil && own.ending.due(now):
		return StateDestroyed
	case k.revoked != nil && k.revoked.code == ReasonKeyCompromise:
		return StateCompromised
	case k.revoked != nil:
		return StateRevoked
	case whole != nil && whole.ending != nil, own != nil && own.ending != nil:
		return StatePendingDestruction
	case whole != nil && paused(whole.suspensions, number) != nil, own != nil && paused(own.suspensions, number) != nil:
		return StateSuspended
	case own != nil && now.Before(own.notBefore):
		return StatePreActivation
	case whole != nil && number < whole.minDecrypt,
		own != nil && !own.processUntil.IsZero() && !now.Before(own.processUntil):
		return StateRetired
	case v.cause == destroyedAtEnd || v.ended(now):
		return StateDeactivated
	}
	return StateActive
}

// state is that of version number at a time: a newer version that is active
// deactivates it. The caller holds k.mu.
func (k *key) state(number uint32, now time.Time) KeyState {
	s := k.alone(number, now)
	if s == StateActive && number < k.current(now) {
		return StateDeactivated
	}
	return s
}

// privateGone reports whether the private half of a version is over by its own
// end, be its bytes still there. The caller holds k.mu.
func (k *key) privateGone(number uint32, now time.Time) bool {
	v := &k.rec.versions[number-1]
	return v.cause == destroyedAtEnd || v.ended(now) && k.signsOnly()
}

// whole is the state of the key as a whole, as far as it is more than that of
// its versions. The caller holds k.mu.
func (k *key) whole(now time.Time) KeyState {
	e := k.rec.ending()
	switch {
	case k.rec.allDestroyed(), e.due(now):
		return StateDestroyed
	case k.revoked != nil && k.revoked.code == ReasonKeyCompromise:
		return StateCompromised
	case k.revoked != nil:
		return StateRevoked
	case e != nil:
		return StatePendingDestruction
	}
	return StateActive
}

// stateOfAll is the key's state at a time: of the version that protects new
// data, or of the whole key where that has one. The caller holds k.mu.
func (k *key) stateOfAll(now time.Time) KeyState {
	if s := k.whole(now); s != StateActive {
		return s
	}
	return k.state(k.current(now), now)
}
