package vault

import (
	"context"

	"github.com/vaultd/vaultd/vault/store"
)

// outgoing is a ciphertext that another one takes the place of.
type outgoing struct {
	key        Name
	ciphertext []byte
	binary     bool
	stays      bool // registered
	fits       func(ciphertext []byte) error
}

// registration is one change to what a tracker knows, as it goes into a commit.
type registration struct {
	tracker *tracker
	n       uint32
	place   place // as it is before its record is written
	leaves  bool
}

func (r *registration) put(id KeyID) store.Put {
	body := r.place
	if r.leaves {
		body = place{}
	}
	return store.Put{ID: tokenRecordID(id, r.n), Body: appendToken(nil, body), Expect: r.place.stored}
}

// end follows the commit in memory.
func (r *registration) end(committed bool) {
	switch {
	case committed && r.leaves:
		r.tracker.give(r.n, r.place.stored+1)
	case committed:
		r.tracker.isStored(r.n, r.place.stored+1)
	case !r.leaves:
		r.tracker.give(r.n, r.place.stored)
	}
}

// register makes a new ciphertext of k known, where k tracks them, in one commit
// with the end of old's registration. The caller holds k.mu shared.
func (o *opened) register(k *key, ciphertext []byte, binary bool, version uint32, old *outgoing) error {
	var changes []registration
	var puts []store.Put
	if old != nil && old.fits != nil {
		if err := old.fits(ciphertext); err != nil {
			return err
		}
	}
	if old != nil && !old.stays {
		if from := o.ring.named(old.key); from != nil && from.tracked != nil {
			what, err := tokenOf(old.ciphertext, old.binary)
			if err != nil {
				return cryptoError(err)
			}
			from.tracked.change.Lock()
			defer from.tracked.change.Unlock()
			if n, s, ok := from.tracked.find(what); ok {
				changes = append(changes, registration{from.tracked, n, s, true})
				puts = append(puts, changes[0].put(from.id))
			}
		}
	}
	if k.tracked != nil {
		what, err := tokenOf(ciphertext, binary)
		if err != nil {
			return cryptoError(err)
		}
		n, s, err := k.tracked.take(what, version, o.clock.now(), len(changes) > 0)
		if err != nil {
			return err
		}
		r := registration{tracker: k.tracked, n: n, place: s}
		changes, puts = append(changes, r), append(puts, r.put(k.id))
	}
	if len(puts) == 0 {
		return nil
	}
	err := o.commit(context.Background(), store.Batch{Puts: puts})
	for i := range changes {
		changes[i].end(err == nil)
	}
	return storeError(err)
}
