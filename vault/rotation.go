package vault

import "time"

// MinRotateEvery is the shortest time between scheduled rotations: with it a key
// has used up its MaxVersions in three months.
const MinRotateEvery = time.Hour

// tagRotation is an extra of a key; 32 to 47 are of rotation.
const tagRotation = 32

// rotation is the schedule on which a key gets new versions. It is replaced,
// never changed.
type rotation struct {
	every time.Duration
	next  time.Time
}

func (r *rotation) extras() []extra {
	if r == nil {
		return nil
	}
	return []extra{{tagRotation, appendTime(appendDuration(nil, r.every), r.next)}}
}

// readRotation reads what extras wrote; nil when it is malformed.
func readRotation(body []byte) *rotation {
	r := &reader{b: body}
	s := &rotation{every: r.duration(), next: r.time()}
	r.check(s.every >= MinRotateEvery && s.every <= MaxTTL && !s.next.IsZero())
	if r.done() != nil {
		return nil
	}
	return s
}

// begin is a schedule whose first rotation is one period from now; nil for none.
func beginRotation(every time.Duration, now time.Time) *rotation {
	if every == 0 {
		return nil
	}
	return &rotation{every, now.Add(every)}
}

// again is the schedule after somebody rotated the key by hand: the period
// begins anew.
func (r *rotation) again(now time.Time) *rotation {
	if r == nil {
		return nil
	}
	return beginRotation(r.every, now)
}

// after is the schedule after a scheduled rotation. It stays on its times, and
// those that were missed are left out: one rotation makes up for all of them.
func (r *rotation) after(now time.Time) *rotation {
	missed := max(now.Sub(r.next), 0) / r.every
	return &rotation{r.every, r.next.Add((missed + 1) * r.every)}
}

// checkRotation refuses a schedule that leaves gaps between the versions of a key.
func checkRotation(every, ttl time.Duration) error {
	switch {
	case every == 0:
		return nil
	case every < MinRotateEvery || every > MaxTTL:
		return E(CodeBadArgument, "a key is rotated every hour to every 100 years")
	case ttl > 0 && ttl < every:
		return E(CodeBadArgument, "a key that is rotated every %s would be expired before that, with a lifetime of %s", span(every), span(ttl)).
			WithHint("give a longer lifetime, or rotate more often")
	}
	return nil
}

// setRotation changes the schedule of a key in rec; zero is none.
func (k *key) setRotation(rec *keyRecord, every time.Duration, now time.Time) error {
	every = every.Truncate(time.Microsecond)
	if every == 0 {
		rec.rotation = nil
		return nil
	}
	if s := k.whole(now); !s.allows(opRotate) {
		return k.refusal(s, opRotate, uint32(len(rec.versions)), now)
	}
	if err := checkRotation(every, rec.ttl); err != nil {
		return err
	}
	if rec.origin == OriginExchange {
		return E(CodeBadArgument, "key %s is from an exchange: the other side would not get its new versions", k.name)
	}
	if rec.rotation == nil || rec.rotation.every != every {
		rec.rotation = beginRotation(every, now)
	}
	return nil
}
