package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/vaultd/vaultd/internal/secret"
)

// Errors of snapshots.
var (
	ErrSnapshot  = errors.New("another snapshot is being read")
	ErrRewritten = errors.New("the store was rewritten while a snapshot was read")
)

// Snapshot is the store as one commit left it, read while commits go on. It
// takes no memory that grows with the store. The store is not compacted before
// it is closed; Rewrite, and the end of the store, close it. Its methods may be called
// from any goroutine.
type Snapshot struct {
	s      *Store
	sealer *sealer
	ring   *keyring
	state  state
	at     survey // of the journal, at that commit

	mu            sync.Mutex // guards what follows
	view          *engineView
	ended         error // why it can't be read on
	leaves        *leafHasher
	sum           digest
	live, deleted uint64
	found         bool // the state record
	buf           []byte
}

// Item is one record of a snapshot, live or deleted.
type Item struct {
	Name [16]byte // blinded; items come in the order of names
	Record
	Seq     uint64 // number of the commit that wrote it
	Deleted bool   // without body, and of a path only if the store was not rewritten since
}

// Snapshot takes one. It waits for a rewrite that runs, and returns ErrSnapshot
// while there is another one.
func (s *Store) Snapshot(ctx context.Context) (*Snapshot, error) {
	s.snapshots.Lock()
	taken := s.snapshot != nil
	s.snapshots.Unlock()
	if taken {
		return nil, ErrSnapshot
	}
	select {
	case <-s.rewrites:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.quit:
		return nil, ErrClosed
	}
	p := &Snapshot{s: s}
	// Between commits, so that state, journal and Badger are of the same one.
	err := s.do(ctx, func() (err error) {
		if err := s.Err(); err != nil {
			return err
		}
		p.sealer, p.ring, p.state = s.sealer, s.ring, s.index.state
		p.state.highWater = max(p.state.highWater, s.highWater.Load())
		p.at = survey{frames: s.journal.frames, end: s.journal.end, head: s.journal.head}
		p.leaves = newLeafHasher(s.root.digest)
		if p.view, err = s.engine.newView(); err != nil {
			return err
		}
		s.snapshots.Lock()
		defer s.snapshots.Unlock()
		s.snapshot = p
		return nil
	})
	if err != nil {
		s.rewrites <- struct{}{}
		return nil, err
	}
	return p, nil
}

// Seq is the number of the commit that it shows.
func (p *Snapshot) Seq() uint64 { return p.state.seq }

// Records is how many live records it has.
func (p *Snapshot) Records() uint64 { return p.state.live }

// Since is a number of a commit: every record that was deleted later is among the items.
func (p *Snapshot) Since() uint64 { return p.ring.baseSeq }

// HighWater is the latest time that was noted until then.
func (p *Snapshot) HighWater() time.Time {
	if p.state.highWater == 0 {
		return time.Time{}
	}
	return time.Unix(0, p.state.highWater)
}

// Next returns the next record; its Body is overwritten by the next call. After
// the last one it returns io.EOF, if they are exactly what the commit left. Of a
// record that is damaged it returns an *ErrCorrupt with its name, and can go on.
func (p *Snapshot) Next() (item Item, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if p.ended != nil {
			return Item{}, p.ended
		}
		state := false
		more, err := p.view.next(func(n name, sealed []byte) error {
			if state = n == stateName; state {
				p.found = true
				return nil
			}
			item, err = p.open(n, sealed)
			return err
		})
		if failed := p.s.Err(); err != nil && failed != nil {
			return Item{}, fmt.Errorf("%w; reading: %w", failed, err)
		}
		switch {
		case err != nil:
			return item, err
		case !more:
			return Item{}, p.verdict()
		case !state:
			return item, nil
		}
	}
}

// open opens a record and counts it.
func (p *Snapshot) open(n name, sealed []byte) (Item, error) {
	if cap(p.buf) < len(sealed) {
		secret.Wipe(p.buf[:cap(p.buf)])
		p.buf = make([]byte, 0, 2*len(sealed))
	}
	rec, e, err := p.sealer.open(p.buf, n, sealed)
	if err != nil {
		return Item{Name: n}, corrupt(dbName(p.ring.generation), "record %x: %v", n, err)
	}
	p.sum.add(p.leaves.leaf(n, e))
	if e.status == statusLive {
		p.live++
	} else {
		p.deleted++
	}
	return Item{n, rec, e.seq, e.status != statusLive}, nil
}

// verdict is io.EOF, or what is missing.
func (p *Snapshot) verdict() error {
	if p.live != p.state.live || p.deleted != p.state.deleted || p.sum != p.state.digest || !p.found {
		return corrupt(dbName(p.ring.generation), "%d live and %d deleted records instead of %d and %d, or a wrong digest",
			p.live, p.deleted, p.state.live, p.state.deleted)
	}
	return io.EOF
}

// Get returns the record at id as it is in the snapshot, or ErrNotFound.
func (p *Snapshot) Get(id ID) (rec Record, err error) {
	if err := id.check(); err != nil {
		return Record{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended != nil {
		return Record{}, p.ended
	}
	n := blind(p.s.root.names, id)
	err = p.view.get(n, func(sealed []byte) error {
		if sealed == nil {
			return ErrNotFound
		}
		r, e, err := p.sealer.open(nil, n, sealed)
		switch {
		case err != nil:
			return corrupt(dbName(p.ring.generation), "record %x: %v", n, err)
		case e.status != statusLive:
			return ErrNotFound
		case r.ID != id:
			return corrupt(dbName(p.ring.generation), "record %x is of another path", n)
		}
		rec = r
		return nil
	})
	return rec, err
}

// Close ends it. A second Close does nothing.
func (p *Snapshot) Close() { p.end(ErrClosed) }

func (p *Snapshot) end(why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended != nil {
		return
	}
	p.ended = why
	if err := p.view.close(); err != nil {
		p.s.opts.Log.Warn("a snapshot was not closed in order", "err", err)
	}
	secret.Wipe(p.buf[:cap(p.buf)])
	p.s.snapshots.Lock()
	p.s.snapshot = nil
	p.s.snapshots.Unlock()
	p.s.rewrites <- struct{}{}
}

// endSnapshot closes the snapshot that is being read, if there is one.
func (s *Store) endSnapshot(why error) {
	s.snapshots.Lock()
	p := s.snapshot
	s.snapshots.Unlock()
	if p != nil {
		p.end(why)
	}
}
