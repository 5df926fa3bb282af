package vault

import (
	"errors"
	"fmt"
	"time"
)

// describe names a version for a message. The caller holds k.mu.
func (k *key) describe(number uint32) string {
	if len(k.rec.versions) == 1 || k.revoked != nil {
		return "key " + k.name.String()
	}
	return fmt.Sprintf("key %s v%d", k.name, number)
}

// refusal is the error of an operation that the state s of a version does not
// allow: what is wrong, since when, and the way out. The caller holds k.mu.
func (k *key) refusal(s KeyState, op operation, number uint32, now time.Time) error {
	what, v := k.describe(number), &k.rec.versions[number-1]
	which := ""
	if len(k.rec.versions) > 1 {
		which = fmt.Sprintf(" --key-version %d", number)
	}
	switch s {
	case StatePreActivation:
		return E(CodeNotYetValid, "%s is not active before %s, in %s", what, v.activation().Format(time.RFC3339), span(v.activation().Sub(now))).
			WithHint("wait, or move the time with 'vaultctl key update %s%s --not-before now'", k.name, which)
	case StateSuspended:
		e := E(CodeSuspended, "%s is suspended since %s", what, k.closedSince(s, number).Format(time.RFC3339))
		if op == opProcess {
			return e.WithHint("resume it with 'vaultctl key resume %s'; what was certainly protected before opens with --protected-at", k.name)
		}
		return e.WithHint("resume it with 'vaultctl key resume %s', or rotate it", k.name)
	case StateDeactivated:
		return k.expired(op, number, now)
	case StateRetired:
		if k.rec.life != nil && number < k.rec.life.minDecrypt {
			return E(CodeExpired, "%s is below the key's min-decrypt-version, %d", what, k.rec.life.minDecrypt).
				WithHint("lower that with 'vaultctl key update %s --min-decrypt-version %d'", k.name, number)
		}
		return E(CodeExpired, "%s processes nothing since its process-until time, %s ago", what, span(now.Sub(v.life.processUntil))).
			WithHint("rotate it for new data, or move that time with 'vaultctl key update %s%s --process-until …'", k.name, which)
	case StateRevoked:
		e := E(CodeRevoked, "%s is revoked", what)
		if op == opProcess {
			return e.WithHint("an administrator can open what was protected before, with --protected-at")
		}
		return e.WithHint("create another key")
	case StateCompromised:
		e := E(CodeRevoked, "%s is revoked as compromised", what)
		if op == opProcess {
			return e.WithHint("an administrator can open what was protected before %s, with --protected-at",
				k.closedSince(s, number).Format(time.RFC3339))
		}
		return e.WithHint("create another key")
	case StatePendingDestruction:
		at := k.destroyedAt(v)
		return E(CodePendingDestruction, "%s is to be destroyed at %s, in %s", what, at.Format(time.RFC3339), span(at.Sub(now))).
			WithHint("cancel that with 'vaultctl key cancel-destruction %s', then resume it", k.name)
	case StateDestroyed:
		return E(CodeKeyDestroyed, "%s is destroyed", what).WithHint("its material is gone for good; create another key")
	}
	return E(CodeWrongState, "%s is %s, which does not allow this", what, s)
}

// expired is the refusal of a deactivated version.
func (k *key) expired(op operation, number uint32, now time.Time) error {
	what, v := k.describe(number), &k.rec.versions[number-1]
	switch {
	case op == opUpdate && k.privateGone(number, now):
		return E(CodeExpired, "%s expired %s ago, and its private half was destroyed with that", what, span(now.Sub(v.notAfter))).
			WithHint("rotate it with 'vaultctl key rotate %s': a signing key can be extended only before its end", k.name)
	case k.privateGone(number, now):
		return E(CodeExpired, "%s expired %s ago; its private half is destroyed, and it still verifies", what, span(now.Sub(v.notAfter))).
			WithHint("rotate it with 'vaultctl key rotate %s'", k.name)
	case v.ended(now):
		which := ""
		if len(k.rec.versions) > 1 {
			which = fmt.Sprintf(" --key-version %d", number)
		}
		return E(CodeExpired, "%s expired %s ago", what, span(now.Sub(v.notAfter))).
			WithHint("rotate it with 'vaultctl key rotate %s', or extend it with 'vaultctl key update %s%s --expires …'", k.name, k.name, which)
	}
	return E(CodeExpired, "%s was replaced by v%d", what, k.current(now)).WithHint("use the newest version")
}

// span is a time for a message, in its two largest units.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 0:
		return "no time"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < day:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd", d/day)
}

// codeOf is the code of an error, empty for none.
func codeOf(err error) Code {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Code
	}
	return CodeInternal
}
