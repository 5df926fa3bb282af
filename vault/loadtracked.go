package vault

import (
	"fmt"

	"github.com/vaultd/vaultd/vault/store"
)

// token takes the record of a registered ciphertext. Its key may come later.
func (l *loader) token(rec store.Record) error {
	id, n, err := parseTokenPath(rec.Path)
	if err != nil {
		return err
	}
	s, err := parseToken(rec.Body)
	if err != nil {
		return err
	}
	s.stored = rec.Version
	places := l.tokens[id]
	if places == nil {
		places = make(map[uint32]place)
		l.tokens[id] = places
	}
	places[n] = s
	return nil
}

// track gives registered ciphertexts to their keys.
func (l *loader) track() error {
	if len(l.tokens) == 0 {
		return nil
	}
	left := len(l.tokens)
	for _, k := range l.keys {
		places, ok := l.tokens[k.id.String()]
		if !ok {
			continue
		}
		left--
		if k.tracked == nil {
			return wrongTokens("a key has registered ciphertexts, and is not one that tracks them")
		}
		if err := k.tracked.load(places, len(k.rec.versions)); err != nil {
			return err
		}
	}
	l.tokens = nil
	if left > 0 {
		return wrongTokens("ciphertexts are registered for a key that is not there")
	}
	return nil
}

func wrongTokens(format string, args ...any) error {
	return &store.ErrCorrupt{Where: "registered ciphertexts", What: fmt.Sprintf(format, args...)}
}

// load fills a new tracker. A place without a record is free: its commit failed,
// and those behind it were made meanwhile.
func (t *tracker) load(places map[uint32]place, versions int) error {
	last := uint32(0)
	for n := range places {
		last = max(last, n)
	}
	t.places = make([]place, last+1)
	for n, s := range places {
		if s.version == 0 {
			t.places[n] = s
			continue
		}
		if int(s.version) > versions {
			return wrongTokens("one needs version %d of a key with %d", s.version, versions)
		}
		if _, twice := t.at[s.token]; twice {
			return wrongTokens("one is registered twice")
		}
		t.places[n] = s
		t.at[s.token] = n
		t.need[s.version]++
	}
	for n := range t.places {
		if t.places[n].version == 0 {
			t.free = append(t.free, uint32(n)) //nolint:gosec // bounded by maxPlaces
		}
	}
	t.owner.tracked.Add(int64(len(t.at)))
	return nil
}
