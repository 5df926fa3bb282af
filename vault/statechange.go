package vault

import (
	"slices"
	"time"
)

// StateChange is a change of state that time alone will bring, as far as is
// known now.
type StateChange struct {
	Name     Name
	ID       KeyID
	Version  uint32
	At       time.Time
	From, To KeyState
}

// StateChanges lists the changes of the states of versions after one time and
// until another, in the order of their times, at most limit of them. They are
// what is set now: an update, a rotation or a suspension may bring others.
func (v *Vault) StateChanges(after, until time.Time, limit int) ([]StateChange, error) {
	o, err := v.enter()
	if err != nil {
		return nil, err
	}
	defer v.mu.RUnlock()
	var all []StateChange
	for _, k := range o.ring.everyKey() {
		k.mu.RLock()
		all = k.appendChanges(all, after, until)
		k.mu.RUnlock()
	}
	slices.SortStableFunc(all, func(a, b StateChange) int { return a.At.Compare(b.At) })
	return all[:min(len(all), max(limit, 0))], nil
}

// appendChanges adds what StateChanges lists of one key. The caller holds k.mu.
func (k *key) appendChanges(all []StateChange, after, until time.Time) []StateChange {
	for n := range uint32(len(k.rec.versions)) {
		for _, at := range k.times(n + 1) {
			if !at.After(after) || at.After(until) {
				continue
			}
			from, to := k.state(n+1, at.Add(-time.Microsecond)), k.state(n+1, at)
			if from != to {
				all = append(all, StateChange{k.name, k.id, n + 1, at, from, to})
			}
		}
	}
	return all
}

// times are those at which the state of a version may change by itself, without
// repetition. The caller holds k.mu.
func (k *key) times(number uint32) []time.Time {
	v := &k.rec.versions[number-1]
	times := []time.Time{v.notAfter, v.activation()}
	if int(number) < len(k.rec.versions) { // a newer one takes its place
		for i := range k.rec.versions[number:] {
			times = append(times, k.rec.versions[int(number)+i].activation())
		}
	}
	if v.life != nil {
		times = append(times, v.life.processUntil)
	}
	for _, e := range []*ending{k.rec.ending(), v.ending()} {
		if e != nil {
			times = append(times, e.at)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	return slices.Compact(times)
}
