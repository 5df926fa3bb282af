package vault

import (
	"context"
	"slices"
	"time"
)

// Periods are the times that bound what a new version does, beside its lifetime
// (SP 800-57 Part 1 Rev. 5, section 5.3.5).
type Periods struct {
	NotBefore  time.Time     // from when it protects; zero is now
	ProcessTTL time.Duration // how long from then it opens what it protected; zero is for ever, or the key's
}

func (p Periods) check() error {
	switch {
	case p.ProcessTTL < 0 || p.ProcessTTL > MaxTTL || p.ProcessTTL > 0 && p.ProcessTTL < time.Millisecond:
		return E(CodeBadArgument, "a period for processing is from a millisecond to 100 years")
	case !p.NotBefore.IsZero() && (p.NotBefore.Before(earliest) || p.NotBefore.After(latest)):
		return E(CodeBadArgument, "a not-before time is between %d and %d", earliest.Year(), latest.Year())
	}
	return nil
}

// begin sets the times of a version that is being made.
func (p Periods) begin(rec *keyRecord, ver *versionRecord, now time.Time) error {
	from := p.NotBefore.Truncate(time.Microsecond)
	if from.After(now) {
		ver.editLife().notBefore = from.UTC()
	} else {
		from = now
	}
	if rec.ttl > 0 {
		ver.notAfter = from.Add(rec.ttl)
	}
	if p.ProcessTTL > 0 {
		rec.editLife().processTTL = p.ProcessTTL.Truncate(time.Microsecond)
	}
	if rec.life != nil && rec.life.processTTL > 0 {
		until := from.Add(rec.life.processTTL)
		if ver.notAfter.IsZero() || until.Before(ver.notAfter) {
			return E(CodeBadArgument, "a version opens old data at least as long as it protects new data, and its lifetime is longer or endless").
				WithHint("give a lifetime of at most %s", span(rec.life.processTTL))
		}
		ver.editLife().processUntil = until
	}
	return nil
}

// UpdateKey asks for other periods of a version, and other labels of its key.
// Nil and zero fields leave things as they are.
type UpdateKey struct {
	Name    Name
	Version uint32 // zero is the current one, or for NotBefore the newest

	NotBefore      *time.Time // only of a version that is not active yet; now or earlier activates it
	Expires        *time.Time // now or earlier deactivates it
	NoExpiry       bool
	ProcessUntil   *time.Time
	NoProcessUntil bool

	// MinDecryptVersion is the oldest version that opens anything, 0 for no
	// change. It can be lowered again, until TrimKey destroys what is below.
	MinDecryptVersion uint32

	RotateEvery *time.Duration // zero ends the schedule

	SetLabels    map[string]string
	RemoveLabels []string
	// MayRelabel, where set, can refuse other labels of a key of that type. It must
	// not call the vault.
	MayRelabel func(kind string, before, after []Label) error
}

// UpdateKey changes the periods of a version within what its state allows. A
// version that has expired may be extended, but for a signing key, whose
// private half was destroyed with that. Errors: key_not_found,
// version_not_found, bad_argument, and that of the state.
func (v *Vault) UpdateKey(ctx context.Context, c UpdateKey) (KeyInfo, error) {
	periods := c.NotBefore != nil || c.Expires != nil || c.NoExpiry || c.ProcessUntil != nil || c.NoProcessUntil
	switch {
	case c.Expires != nil && c.NoExpiry, c.ProcessUntil != nil && c.NoProcessUntil:
		return KeyInfo{}, E(CodeBadArgument, "a time and none is a contradiction")
	case !periods && c.MinDecryptVersion == 0 && c.RotateEvery == nil && len(c.SetLabels) == 0 && len(c.RemoveLabels) == 0:
		return KeyInfo{}, E(CodeBadArgument, "there is nothing to change")
	}
	for _, t := range []*time.Time{c.NotBefore, c.Expires, c.ProcessUntil} {
		if t != nil && t.After(latest) {
			return KeyInfo{}, E(CodeBadArgument, "times are up to %d", latest.Year()).WithHint("say that there is none")
		}
	}
	return v.changeKey(ctx, c.Name, false, KeyEvent{}, func(k *key, rec *keyRecord, now time.Time) error {
		if err := k.version(max(c.Version, c.MinDecryptVersion)); err != nil {
			return err
		}
		if err := rec.relabel(c.SetLabels, c.RemoveLabels); err != nil {
			return err
		}
		if c.MayRelabel != nil && !slices.Equal(k.rec.labels, rec.labels) {
			if err := c.MayRelabel(k.typ.Name, k.rec.exportLabels(), rec.exportLabels()); err != nil {
				return err
			}
		}
		if c.MinDecryptVersion != 0 {
			if err := k.setMinDecrypt(rec, c.MinDecryptVersion, now); err != nil {
				return err
			}
		}
		if c.RotateEvery != nil {
			if err := k.setRotation(rec, *c.RotateEvery, now); err != nil {
				return err
			}
		}
		if !periods {
			return nil
		}
		number := c.Version
		switch {
		case number != 0:
		case c.NotBefore != nil:
			number = uint32(len(rec.versions))
		default:
			number = k.current(now)
		}
		if s := k.alone(number, now); !s.allows(opUpdate) {
			return k.refusal(s, opUpdate, number, now)
		}
		return k.setPeriods(rec, number, c, now)
	})
}

func (k *key) setMinDecrypt(rec *keyRecord, number uint32, now time.Time) error {
	current := k.current(now)
	if s := k.whole(now); s != StateActive {
		return k.refusal(s, opUpdate, current, now)
	}
	if number > current {
		return E(CodeBadArgument, "version %d of key %s is in use: min-decrypt-version is at most that", current, k.name)
	}
	if number == 1 {
		number = 0
	}
	rec.editLife().minDecrypt = number
	return nil
}

// setPeriods changes the times of a version in rec.
func (k *key) setPeriods(rec *keyRecord, number uint32, c UpdateKey, now time.Time) error {
	ver := &rec.versions[number-1]
	l := ver.editLife()
	if c.NotBefore != nil {
		if !ver.waiting(now) {
			return E(CodeWrongState, "%s is past its not-before time", k.describe(number)).WithHint("suspend it with 'vaultctl key suspend %s'", k.name)
		}
		l.notBefore = later(*c.NotBefore, now)
	}
	if c.Expires != nil || c.NoExpiry {
		if k.privateGone(number, now) {
			return k.expired(opUpdate, number, now)
		}
		// Its end destroys material, which is not for everybody who may update.
		if old := ver.notAfter; k.signsOnly() && c.Expires != nil && (old.IsZero() || c.Expires.Before(old)) {
			return E(CodeWrongState, "an earlier end of %s would destroy its private half", k.describe(number)).
				WithHint("that is 'vaultctl key destroy %s', with --after for a time to come; or rotate it with a lifetime", k.name)
		}
		ver.notAfter = time.Time{}
		if c.Expires != nil {
			ver.notAfter = later(*c.Expires, now)
		}
	}
	switch {
	case c.NoProcessUntil:
		l.processUntil = time.Time{}
	case c.ProcessUntil != nil:
		l.processUntil = later(*c.ProcessUntil, now)
	}
	switch {
	case !ver.notAfter.IsZero() && ver.notAfter.Before(l.notBefore):
		return E(CodeBadArgument, "%s would expire before it is active", k.describe(number))
	case !l.processUntil.IsZero() && (ver.notAfter.IsZero() || l.processUntil.Before(ver.notAfter)):
		return E(CodeBadArgument, "%s would protect data that it can't open: its process-until is before its expiry", k.describe(number)).
			WithHint("let it expire no later than that")
	}
	return nil
}

// later is t as records keep it, and no earlier than now: nothing can be made to
// have been otherwise.
func later(t, now time.Time) time.Time {
	if t.Before(now) {
		return now
	}
	return t.Truncate(time.Microsecond).UTC()
}

// relabel adds and removes labels.
func (k *keyRecord) relabel(set map[string]string, remove []string) error {
	if len(set) == 0 && len(remove) == 0 {
		return nil
	}
	all := make(map[string]string, len(k.labels)+len(set))
	for _, l := range k.labels {
		all[l.key] = l.value
	}
	for _, name := range remove {
		delete(all, name)
	}
	for name, value := range set {
		if slices.Contains(remove, name) {
			return E(CodeBadArgument, "label %q is both set and removed", clip(name))
		}
		all[name] = value
	}
	labels, err := sortLabels(all)
	k.labels = labels
	return err
}

func (k *keyRecord) exportLabels() []Label {
	all := make([]Label, len(k.labels))
	for i, l := range k.labels {
		all[i] = Label{l.key, l.value}
	}
	return all
}
