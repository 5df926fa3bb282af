package vault

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/crypto/keytype"
)

// MaxTracked bounds how many ciphertexts the keys of one namespace may have
// registered at a time: each takes a record, and some 150 bytes of memory.
const MaxTracked = 100_000

// maxPlaces is what there may be while ciphertexts move.
const maxPlaces = 2 * MaxTracked

// token stands for a ciphertext: SHA-256 of its binary form.
type token [sha256.Size]byte

// tokenOf is the token of a vd1 ciphertext in either form.
func tokenOf(ciphertext []byte, binary bool) (token, error) {
	if !binary {
		p := scratch.Get().(*[]byte)
		defer returnScratch(p)
		sealed, err := envelope.DecodeText((*p)[:0], bytes.TrimSpace(ciphertext))
		if err != nil {
			return token{}, err
		}
		*p = sealed
		return sha256.Sum256(sealed), nil
	}
	return sha256.Sum256(ciphertext), nil
}

// place is the place of one registered ciphertext. Places are used again, so
// that a key whose ciphertexts come and go does not grow for ever.
type place struct {
	token   token
	version uint32 // of the key, that opens it; 0 is free
	since   int64  // microseconds since 1970
	stored  uint64 // version of its record in the store; 0 for none
	pending bool   // the record that says so is being stored
}

// tracker knows the registered ciphertexts of one key.
type tracker struct {
	owner *owner

	// change serialises what moves or drops registrations. It is taken after the
	// mu of a key and before this one, and held over a commit. New registrations do
	// without.
	change sync.Mutex

	mu     sync.Mutex // guards what follows
	places []place
	free   []uint32
	at     map[token]uint32
	need   map[uint32]int  // how many need a version, those about to be stored included
	ending map[uint32]bool // versions that are destroyed, or are about to be
}

func newTracker() *tracker {
	return &tracker{at: make(map[token]uint32), need: make(map[uint32]int), ending: make(map[uint32]bool)}
}

// take sets a place aside for a ciphertext under a version. One that takes the
// place of another finds room where there is no more.
func (t *tracker) take(what token, version uint32, now time.Time, moves bool) (uint32, place, error) {
	most := int64(MaxTracked)
	if moves {
		most = maxPlaces
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ending[version] {
		return 0, place{}, E(CodeKeyDestroyed, "the version of the key is being destroyed")
	}
	if _, twice := t.at[what]; twice {
		return 0, place{}, fmt.Errorf("register a ciphertext: it is registered already")
	}
	if t.owner.tracked.Add(1) > most {
		t.owner.tracked.Add(-1)
		return 0, place{}, E(CodeQuotaExceeded, "the keys of %s have %d registered ciphertexts, which is the most", t.owner.name, MaxTracked).
			WithHint("drop those that are not needed with 'vaultctl forget'")
	}
	var n uint32
	if last := len(t.free) - 1; last >= 0 {
		n, t.free = t.free[last], t.free[:last]
	} else {
		n = uint32(len(t.places)) //nolint:gosec // bounded by maxPlaces
		t.places = append(t.places, place{})
	}
	s := &t.places[n]
	s.token, s.version, s.since, s.pending = what, version, now.UnixMicro(), true
	t.at[what] = n
	t.need[version]++
	return n, *s, nil
}

// give frees a place. Its record, where there is one, has the version stored.
func (t *tracker) give(n uint32, stored uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.places[n]
	delete(t.at, s.token)
	t.needsLess(s.version)
	t.places[n] = place{stored: stored}
	t.free = append(t.free, n)
	t.owner.tracked.Add(-1)
}

// needsLess is for who holds mu.
func (t *tracker) needsLess(version uint32) {
	if t.need[version]--; t.need[version] <= 0 {
		delete(t.need, version)
	}
}

// isStored notes that the record of a place is in the store.
func (t *tracker) isStored(n uint32, version uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.places[n].stored, t.places[n].pending = version, false
}

// find is the place of a ciphertext whose registration is in the store. The
// caller holds change, so that it stays what it is.
func (t *tracker) find(what token) (uint32, place, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, ok := t.at[what]
	if !ok || t.places[n].pending {
		return 0, place{}, false
	}
	return n, t.places[n], true
}

// under are the places of all that need a version, for who holds change.
func (t *tracker) under(version uint32) []registration {
	t.mu.Lock()
	defer t.mu.Unlock()
	var places []registration
	for n, s := range t.places {
		if s.version == version && !s.pending {
			places = append(places, registration{t, uint32(n), s, true}) //nolint:gosec // the same
		}
	}
	return places
}

// each visits the registered ciphertexts.
func (t *tracker) each(visit func(*place)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.places {
		if s := &t.places[i]; s.version != 0 {
			visit(s)
		}
	}
}

// end keeps new ciphertexts from versions that are about to be destroyed, or
// says that some need one of them. A nil tracker needs none.
func (t *tracker) end(name Name, versions []uint32) error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, v := range versions {
		if n := t.need[v]; n > 0 {
			return stillNeeded(name, v, n)
		}
	}
	for _, v := range versions {
		t.ending[v] = true
	}
	return nil
}

// resume is after a destruction that came to nothing.
func (t *tracker) resume(versions []uint32) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, v := range versions {
		delete(t.ending, v)
	}
}

func stillNeeded(name Name, version uint32, n int) error {
	what := "a registered ciphertext needs"
	if n > 1 {
		what = fmt.Sprintf("%d registered ciphertexts need", n)
	}
	return E(CodeStillNeeded, "%s version %d of key %s", what, version, name).
		WithHint("rewrap what is to stay with 'vaultctl rewrap', and drop the rest with 'vaultctl forget'; 'vaultctl key census %s' counts them", name)
}

// mayTrack refuses to track ciphertexts that can't be told, or that can be made
// where nobody registers them.
func (n *newborn) mayTrack() error {
	switch {
	case !n.tracked:
		return nil
	case !sealsEnvelopes(n.typ) || n.uses&keytype.UseEncrypt == 0:
		return E(CodeBadArgument, "a key of type %s, or one that does not encrypt, has no ciphertexts to track", n.typ.Name).
			WithHint("use a key of type %s", DefaultType)
	case n.typ.ID == keytype.IDAES256SIV:
		return E(CodeBadArgument, "a key of type %s can't track its ciphertexts: what was encrypted twice is one ciphertext that two need", n.typ.Name).
			WithHint("use a key of type %s", DefaultType)
	case n.exportable:
		return E(CodeBadArgument, "a key that can be exported can't track its ciphertexts: a copy would make others").
			WithHint("choose one of the two")
	}
	return nil
}
