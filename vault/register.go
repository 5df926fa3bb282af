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

// register makes new ciphertexts of k known, where k tracks them, in one commit
// with the end of old's registration. The caller holds k.mu shared.
func (o *opened) register(k *key, made []Ciphertext, version uint32, old *outgoing) (err error) {
	var changes registrations
	if old != nil {
		if old.fits != nil {
			if err := old.fits(made[0].Bytes); err != nil {
				return err
			}
		}
		done, err := changes.dropOld(o, old)
		defer done()
		if err != nil {
			return err
		}
	}
	defer func() { changes.end(err == nil) }() // before anything else may move or drop old
	if k.tracked != nil {
		moves := len(changes.list) > 0
		for _, c := range made {
			what, err := tokenOf(c.Bytes, c.Binary)
			if err != nil {
				return cryptoError(err)
			}
			n, p, err := k.tracked.take(what, version, o.clock.now(), moves)
			if err != nil {
				return err
			}
			changes.add(k.id, registration{tracker: k.tracked, n: n, place: p})
		}
	}
	if len(changes.puts) == 0 {
		return nil
	}
	return storeError(o.commit(context.Background(), store.Batch{Puts: changes.puts}))
}

// registrations are changes that go into one commit.
type registrations struct {
	list []registration
	puts []store.Put
}

func (r *registrations) add(id KeyID, change registration) {
	r.list, r.puts = append(r.list, change), append(r.puts, change.put(id))
}

func (r *registrations) end(committed bool) {
	for i := range r.list {
		r.list[i].end(committed)
	}
}

// dropOld adds the end of old's registration, if it has one that is to end. Until
// done is called nothing else moves or drops it.
func (r *registrations) dropOld(o *opened, old *outgoing) (done func(), err error) {
	from := o.ring.named(old.key)
	if old.stays || from == nil || from.tracked == nil {
		return func() {}, nil
	}
	from.tracked.change.Lock()
	what, err := tokenOf(old.ciphertext, old.binary)
	if err != nil {
		return from.tracked.change.Unlock, cryptoError(err)
	}
	if n, p, ok := from.tracked.find(what); ok {
		r.add(from.id, registration{from.tracked, n, p, true})
	}
	return from.tracked.change.Unlock, nil
}
