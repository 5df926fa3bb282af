package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Store is an open store. Its methods may be called from any goroutine.
type Store struct {
	opts    Options
	ownLock *Lock // nil if the caller holds the lock
	root    *rootKeys
	room    *room
	rebuilt bool
	short   survey // the shorter copy of the journal, while opening

	// Only the committer touches these after start.
	journal   *journal
	anchor    *anchor
	lastGroup int // batches in the last group

	// life is held shared by who uses root outside of mu, so that Close does
	// not wipe it meanwhile. Writers take only this one: mu is held while a
	// group of commits becomes visible, and the next group would wait for it.
	life sync.RWMutex

	mu     sync.RWMutex // guards what a rewrite swaps, and the index's entries
	ring   *keyring
	sealer *sealer
	engine *engine
	index  *index
	closed bool

	highWater atomic.Int64
	used      atomic.Int64 // bytes of journal in use
	failure   atomic.Pointer[error]
	failOnce  sync.Once

	requests chan *request
	control  chan func()
	quit     chan struct{} // closed by Close
	tasks    errgroup.Group
	rewrites chan struct{}     // holds a token while no rewrite runs
	dirty    map[name]struct{} // names changed since a rewrite began; committer only
	retry    time.Time         // no rewrite by itself before; committer only
	commits  uint64            // groups committed; committer only
	custody  custody           // committer only

	snapshots sync.Mutex // guards snapshot
	snapshot  *Snapshot  // the one that is being read; it holds the token of rewrites

	rewriting atomic.Bool // set in the committer when a rewrite begins, cleared when all of it is over
}

func newStore(o Options, root *rootKeys) *Store {
	s := &Store{
		opts:     o,
		root:     root,
		requests: make(chan *request, 256),
		control:  make(chan func()),
		quit:     make(chan struct{}),
		rewrites: make(chan struct{}, 1),
	}
	s.rewrites <- struct{}{}
	s.opts.RootKey = nil // only derived keys are kept
	return s
}

// Get returns the record at id or ErrNotFound. What Badger returns must be the
// very bytes last committed; anything else is an *ErrCorrupt.
func (s *Store) Get(id ID) (Record, error) {
	if err := id.check(); err != nil {
		return Record{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return Record{}, ErrClosed
	}
	n := blind(s.root.names, id)
	rec, err := s.fetch(n)
	if err != nil {
		return Record{}, err
	}
	if rec.ID != id {
		return Record{}, corrupt(dbName(s.ring.generation), "record %x is of another path", n)
	}
	return rec, nil
}

// fetch reads and opens the live record at n. The caller holds mu.
func (s *Store) fetch(n name) (Record, error) {
	want, ok := s.index.entries[n]
	if !ok || want.status != statusLive {
		return Record{}, ErrNotFound
	}
	var rec Record
	err := s.engine.view(n, func(sealed []byte) error {
		if sealed == nil {
			return corrupt(dbName(s.ring.generation), "record %x is missing", n)
		}
		r, e, err := s.sealer.open(nil, n, sealed)
		if err != nil {
			return corrupt(dbName(s.ring.generation), "record %x: %v", n, err)
		}
		if err := s.Err(); e != want && err != nil {
			return err // Badger may hold the commit that failed
		}
		if e != want {
			return corrupt(dbName(s.ring.generation), "record %x is of another commit", n)
		}
		rec = r
		return nil
	})
	if failed := s.Err(); err != nil && failed != nil && !errors.Is(err, ErrFailed) {
		return Record{}, fmt.Errorf("%w; reading: %w", failed, err) // Badger may have lost its footing
	}
	return rec, err
}

// Scan calls fn with every live record once, in no order, each as it is when
// its turn comes. An error of fn ends the scan and is returned.
func (s *Store) Scan(fn func(Record) error) error {
	for _, n := range s.names() {
		s.mu.RLock()
		if s.closed {
			s.mu.RUnlock()
			return ErrClosed
		}
		rec, err := s.fetch(n)
		s.mu.RUnlock()
		if errors.Is(err, ErrNotFound) {
			continue // deleted since
		}
		if err != nil {
			return err
		}
		if err := fn(rec); err != nil {
			return err
		}
	}
	return nil
}

// names are those of all live records now.
func (s *Store) names() []name {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := make([]name, 0, len(s.index.entries))
	for n, e := range s.index.entries {
		if e.status == statusLive {
			list = append(list, n)
		}
	}
	return list
}

// HighWater is the latest time that any commit or anchor has noted; zero if
// none has.
func (s *Store) HighWater() time.Time {
	if n := s.highWater.Load(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}

// Stats describes the store as it is now.
func (s *Store) Stats() Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	st := Stats{
		Seq:        s.index.state.seq,
		Records:    int(s.index.state.live),
		Generation: s.ring.generation,
		Journal:    s.used.Load(),
		Live:       s.index.bytes,
		Rebuilt:    s.rebuilt,
	}
	st.State, st.Free = s.room.state()
	if s.failure.Load() != nil {
		st.State = StateFailed
	}
	if !s.closed {
		st.Tables = s.engine.tables()
	}
	return st
}

// Err says why the store has stopped, or nil.
func (s *Store) Err() error {
	if p := s.failure.Load(); p != nil {
		return *p
	}
	return nil
}

// fail stops the store: what is on disk is no longer known.
func (s *Store) fail(cause error) error {
	err := fmt.Errorf("%w: %w", ErrFailed, cause)
	s.failOnce.Do(func() {
		s.failure.Store(&err)
		s.opts.Log.Error("store stopped", "err", cause)
		if s.opts.OnFail != nil {
			go s.opts.OnFail(err)
		}
	})
	return s.Err()
}

// start runs the committer.
func (s *Store) start() {
	s.used.Store(s.journal.end)
	s.tasks.Go(func() error { s.committer(); return nil })
}

// Close finishes the commits under way, closes Badger, attests every byte of
// the directory, and wipes the keys. After a failure it attests nothing; the
// next Open then trusts the journal alone. A second Close does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	close(s.quit)
	s.tasks.Wait() //nolint:errcheck // its functions return nil
	s.endSnapshot(ErrClosed)
	<-s.rewrites // one that a caller began ends now
	err := s.settle()
	s.engine = nil
	s.release()
	return err
}

// settle closes Badger and, if everything is in order, writes the attestation.
func (s *Store) settle() error {
	if err := s.Err(); err != nil {
		s.engine.close() //nolint:errcheck // nothing of it is used again
		return err
	}
	if free, _, err := space(s.opts.Dir); err == nil && free < lowWater && s.room.release(lowWater) != nil {
		// Flushing now could end the process. Badger is only a copy.
		s.opts.Log.Warn("disk is full: badger's copy is dropped and will be rebuilt from the journal")
		return s.engine.discard()
	}
	if err := s.engine.close(); err != nil {
		return err
	}
	if err := s.Err(); err != nil {
		return err
	}
	if err := s.attest(); err != nil {
		return fmt.Errorf("attest the closed store: %w", err)
	}
	return nil
}

func (s *Store) attest() error {
	if err := s.journal.trim(); err != nil {
		return err
	}
	files, err := sumFiles(filepath.Join(s.opts.Dir, dbName(s.ring.generation)), true)
	if err != nil {
		return err
	}
	a := attestation{s.index.state, s.journal.head, s.journal.end, s.journal.frames, files}
	return writeFile(s.opts.Dir, fileClean, a.encode(s.root.clean, s.opts.VaultID, s.ring.generation))
}

// release lets go of everything that is held, in whatever state it is.
func (s *Store) release() {
	if s.engine != nil {
		s.engine.close() //nolint:errcheck // opening failed already
	}
	if s.journal != nil {
		s.journal.close()
	}
	s.anchor.close() //nolint:errcheck // every write to it was synced
	if s.ring != nil {
		s.ring.keys.wipe()
	}
	if s.root != nil {
		s.life.Lock()
		s.root.wipe()
		s.life.Unlock()
	}
	s.ownLock.Close() //nolint:errcheck // nothing was written to it
}

func (id ID) check() error {
	switch {
	case id.Kind == 0 || id.Kind > maxKind:
		return fmt.Errorf("record kind %d is reserved", id.Kind)
	case id.Path == "":
		return errors.New("record without a path")
	case len(id.Path) > MaxPath:
		return fmt.Errorf("%w: path of %d bytes", ErrTooLarge, len(id.Path))
	}
	return nil
}

// do runs fn in the committer, between commits.
func (s *Store) do(ctx context.Context, fn func() error) error {
	done := make(chan error, 1)
	select {
	case s.control <- func() { done <- fn() }:
		return <-done
	case <-s.quit:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}
