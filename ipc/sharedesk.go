package ipc

import (
	"sync"
	"time"

	"github.com/vaultd/vaultd/crypto/shares"
	"github.com/vaultd/vaultd/internal/secret"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
)

// shareTime is how long an entered share is kept. It has to do for people who
// are called out of bed, one after the other, and no longer.
const shareTime = 15 * time.Minute

// shareDesk keeps the shares that operators have entered, until enough of one set
// are there. Only shares of the vault's own sets get here, exactly as they were
// made, each once: so it never holds more than there are.
type shareDesk struct {
	turn sync.Mutex // held while a share is entered, since the last one unseals
	now  func() time.Time

	mu   sync.Mutex // guards what follows
	sets map[shares.ID]*enteredSet
	next *time.Timer // wipes what expires first
}

// enteredSet are shares of one set, by index.
type enteredSet struct {
	slot      string
	threshold int
	shares    map[uint8]enteredShare
}

type enteredShare struct {
	text    *secret.Bytes // in its written form
	expires time.Time
}

func newShareDesk() *shareDesk {
	return &shareDesk{now: time.Now, sets: make(map[shares.ID]*enteredSet)}
}

// add keeps a share of the slot. It reports how many there are of its set, and
// whether this one is new.
func (d *shareDesk) add(slot string, s *shares.Share) (entered int, fresh bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweep()
	set := d.sets[s.Set]
	if set == nil {
		set = &enteredSet{slot: slot, threshold: int(s.Threshold), shares: make(map[uint8]enteredShare)}
		d.sets[s.Set] = set
	}
	if _, there := set.shares[s.Index]; there {
		return len(set.shares), false
	}
	set.shares[s.Index] = enteredShare{secret.From(s.AppendText(nil)), d.now().Add(shareTime)}
	d.schedule()
	return len(set.shares), true
}

// combine returns the secret of a set that is complete. The shares stay.
func (d *shareDesk) combine(id shares.ID) (*secret.Bytes, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweep()
	set := d.sets[id]
	if set == nil {
		return nil, shares.ErrTooFew
	}
	some := make([]shares.Share, 0, len(set.shares))
	defer func() {
		for i := range some {
			some[i].Wipe()
		}
	}()
	for _, kept := range set.shares {
		s, err := shares.Parse(kept.text.Bytes())
		if err != nil {
			return nil, err
		}
		some = append(some, s)
	}
	whole, err := shares.Combine(some)
	if err != nil {
		return nil, err
	}
	return secret.From(whole), nil
}

// forget wipes all shares, and reports how many there were.
func (d *shareDesk) forget() (forgotten int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, set := range d.sets {
		for _, s := range set.shares {
			s.text.Wipe()
			forgotten++
		}
	}
	clear(d.sets)
	d.schedule()
	return forgotten
}

// close is forget for a desk that takes no more.
func (d *shareDesk) close() { d.forget() }

// progress tells of each set that something was entered of.
func (d *shareDesk) progress() []*vaultdv1.ShareProgress {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweep()
	var list []*vaultdv1.ShareProgress
	for _, set := range d.sets {
		list = append(list, set.progress())
	}
	return list
}

// of tells of one set.
func (d *shareDesk) of(id shares.ID) *vaultdv1.ShareProgress {
	d.mu.Lock()
	defer d.mu.Unlock()
	if set := d.sets[id]; set != nil {
		return set.progress()
	}
	return &vaultdv1.ShareProgress{}
}

func (s *enteredSet) progress() *vaultdv1.ShareProgress {
	return &vaultdv1.ShareProgress{
		Slot: s.slot, Entered: uint32(len(s.shares)), Threshold: uint32(s.threshold), //nolint:gosec // at most shares.MaxShares
		ForgottenAt: timestamp(s.first()),
	}
}

// first is when the first share of the set expires.
func (s *enteredSet) first() (first time.Time) {
	for _, share := range s.shares {
		if first.IsZero() || share.expires.Before(first) {
			first = share.expires
		}
	}
	return first
}

// sweep wipes what has expired. The caller holds d.mu.
func (d *shareDesk) sweep() {
	now := d.now()
	for id, set := range d.sets {
		for index, s := range set.shares {
			// The clock that went further counts: one stands still while the machine sleeps.
			if !now.Before(s.expires) || !now.Round(0).Before(s.expires.Round(0)) {
				s.text.Wipe()
				delete(set.shares, index)
			}
		}
		if len(set.shares) == 0 {
			delete(d.sets, id)
		}
	}
}

// schedule has the share that expires first wiped when it does, whether or not
// anybody asks then. The caller holds d.mu.
func (d *shareDesk) schedule() {
	if d.next != nil {
		d.next.Stop()
		d.next = nil
	}
	var first time.Time
	for _, set := range d.sets {
		if at := set.first(); first.IsZero() || at.Before(first) {
			first = at
		}
	}
	if first.IsZero() {
		return
	}
	d.next = time.AfterFunc(first.Sub(d.now()), func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.sweep()
		d.schedule()
	})
}
