package store

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// Commit makes a batch durable, whole or not at all. It returns nil only when
// the batch is fsynced in both journals.
//
// ErrConflict, ErrTooLarge and ErrFull say that nothing was written. After
// ErrFailed, or any other error, the batch may be found after a reopen, whole,
// or not. A ctx that ends before the batch is begun withdraws it.
func (s *Store) Commit(ctx context.Context, b Batch) error {
	r, err := s.newRequest(b)
	if err != nil {
		return err
	}
	if err := s.Err(); err != nil {
		return err
	}
	select {
	case s.requests <- r:
	case <-s.quit:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-r.done:
		return err
	case <-s.quit:
		// The committer answers everything it has begun before it ends.
		if r.take() {
			return ErrClosed
		}
		return <-r.done
	case <-ctx.Done():
		if r.take() {
			return ctx.Err()
		}
		return <-r.done
	}
}

// request is a batch on its way through the committer.
type request struct {
	batch   Batch
	puts    []name // blinded, as batch.Puts
	deletes []name // blinded, as batch.Deletes
	size    int64
	taken   atomic.Bool
	done    chan error
}

// take decides who answers: the committer, or the caller who withdraws.
func (r *request) take() bool { return r.taken.CompareAndSwap(false, true) }

func (s *Store) newRequest(b Batch) (*request, error) {
	s.life.RLock() // keeps Close from wiping the key
	defer s.life.RUnlock()
	select {
	case <-s.quit:
		return nil, ErrClosed
	default:
	}
	r := &request{batch: b, done: make(chan error, 1), puts: make([]name, 0, len(b.Puts))}
	blinded := newBlinder(s.root.names)
	for _, p := range b.Puts {
		if err := p.ID.check(); err != nil {
			return nil, err
		}
		if len(p.Body) > MaxBody {
			return nil, fmt.Errorf("%w: body of %d bytes, at most %d fit", ErrTooLarge, len(p.Body), MaxBody)
		}
		r.puts = append(r.puts, blinded(p.ID))
		r.size += int64(len(p.Path)+len(p.Body)) + 128
	}
	for _, id := range b.Deletes {
		if err := id.check(); err != nil {
			return nil, err
		}
		r.deletes = append(r.deletes, blinded(id))
		r.size += int64(len(id.Path)) + 128
	}
	if r.size > MaxBatch {
		return nil, fmt.Errorf("%w: batch of %d bytes, at most %d fit", ErrTooLarge, r.size, MaxBatch)
	}
	return r, nil
}

const (
	groupSize   = 1 << 20 // bytes at which a group of batches is full
	anchorDelay = time.Second
	gatherDelay = 300 * time.Microsecond // about one fsync
)

// committer is the only goroutine that writes. It folds the batches that wait
// into one frame, so that they share the fsync.
func (s *Store) committer() {
	timer := time.NewTimer(anchorDelay)
	timer.Stop()
	armed := false
	s.compactIfDue()
	for {
		select {
		case r := <-s.requests:
			s.commit(s.gather(r))
			s.compactIfDue()
			if s.anchor != nil && !armed && s.anchorBehind() {
				timer.Reset(anchorDelay)
				armed = true
			}
		case fn := <-s.control:
			fn()
		case <-timer.C:
			armed = false
			if s.Err() == nil && s.anchorBehind() {
				if err := s.writeAnchor(); err != nil {
					s.fail(err) //nolint:errcheck // kept in the store
				}
			}
		case <-s.quit:
			timer.Stop()
			s.refuseWaiting()
			if s.Err() == nil && s.anchor != nil && s.anchorBehind() {
				if err := s.writeAnchor(); err != nil {
					s.fail(err) //nolint:errcheck // kept in the store
				}
			}
			return
		}
	}
}

func (s *Store) refuseWaiting() {
	for {
		select {
		case r := <-s.requests:
			if r.take() {
				r.done <- ErrClosed
			}
		default:
			return
		}
	}
}

// gather takes what else is waiting, up to a group's size. When many committed
// together the last time, it gives them a moment to come back: they were all
// answered at once, and a group of the first one alone would cost an fsync.
func (s *Store) gather(first *request) []*request {
	group := []*request{first}
	size := first.size
	var until time.Time
	for size < groupSize {
		select {
		case r := <-s.requests:
			if size+r.size > MaxBatch {
				s.commit(group)
				group, size = nil, 0
			}
			group = append(group, r)
			size += r.size
			continue
		default:
		}
		if len(group) >= s.lastGroup*3/4 {
			break
		}
		now := time.Now()
		if until.IsZero() {
			until = now.Add(gatherDelay)
		} else if now.After(until) {
			break
		}
		runtime.Gosched()
	}
	s.lastGroup = len(group)
	return group
}

// commit writes a group as one frame and answers each of its requests.
func (s *Store) commit(group []*request) {
	c := change{s: s, state: s.index.state, entries: make(map[name]entry)}
	c.state.seq++
	var accepted []*request
	for _, r := range group {
		if !r.take() {
			continue
		}
		err := s.Err()
		if err == nil {
			err = s.room.admit(r.size, r.batch.Urgent)
		}
		if err == nil {
			err = c.add(r)
		}
		if err != nil {
			r.done <- err
			continue
		}
		accepted = append(accepted, r)
	}
	if len(accepted) == 0 {
		return
	}
	err := s.reserve(accepted)
	if err == nil {
		err = s.write(&c, accepted)
	}
	for _, r := range accepted {
		r.done <- err
	}
}

// reserve makes sure that Badger's log has its blocks, for an urgent batch with
// the ballast's. ErrFull means that nothing was written.
func (s *Store) reserve(accepted []*request) error {
	err := s.engine.reserve()
	if err == nil {
		return nil
	}
	urgent := slices.ContainsFunc(accepted, func(r *request) bool { return r.batch.Urgent })
	if urgent && isFull(err) && s.room.release(lowWater) == nil {
		err = s.engine.reserve()
	}
	switch {
	case err == nil:
		return nil
	case isFull(err):
		return fmt.Errorf("%w: no room for badger's log", ErrFull)
	}
	return s.fail(err)
}

// change is what a group of batches makes of the store.
type change struct {
	s       *Store
	state   state
	entries map[name]entry
	final   map[name]int // index in ops, for names written twice
	ops     []op
}

// add seals a batch's records into the change, or returns ErrConflict and
// leaves it as it was.
func (c *change) add(r *request) error {
	expected := make(map[name]uint64, len(r.puts))
	for i, n := range r.puts {
		have, seen := expected[n]
		if !seen {
			have = c.live(n)
		}
		if want := r.batch.Puts[i].Expect; have != want {
			return fmt.Errorf("%w: expected version %d, found %d", ErrConflict, want, have)
		}
		expected[n] = have + 1
	}
	for i, n := range r.puts {
		p := &r.batch.Puts[i]
		c.set(n, statusLive, c.version(n)+1, p.ID, p.Body)
	}
	for i, n := range r.deletes {
		if c.live(n) != 0 {
			c.set(n, statusDeleted, c.version(n)+1, r.batch.Deletes[i], nil)
		}
	}
	c.state.note(r.batch.NoteTime)
	return nil
}

func (c *change) entry(n name) entry {
	if e, ok := c.entries[n]; ok {
		return e
	}
	return c.s.index.entries[n]
}

// live is the version of the live record at n, or 0.
func (c *change) live(n name) uint64 {
	if e := c.entry(n); e.status == statusLive {
		return e.version
	}
	return 0
}

// version is the last version at n, deleted or not.
func (c *change) version(n name) uint64 { return c.entry(n).version }

func (c *change) set(n name, st status, version uint64, id ID, body []byte) {
	sealed := c.s.sealer.seal(make([]byte, 0, minSealed+len(id.Path)+len(body)), n, st, version, c.state.seq, id, body)
	e, _, _ := parseEntry(sealed)
	c.s.index.advance(&c.state, c.entries, n, e)
	if i, ok := c.final[n]; ok {
		c.ops[i].sealed = sealed
	} else {
		if c.final == nil {
			c.final = make(map[name]int)
		}
		c.final[n] = len(c.ops)
		c.ops = append(c.ops, op{n, sealed})
	}
	c.entries[n] = e
}

// write makes the change durable and visible, in this order: both journals,
// Badger, the index, the anchor if a batch asked for it.
func (s *Store) write(c *change, accepted []*request) error {
	anchor := false
	for _, r := range accepted {
		anchor = anchor || r.batch.Anchor
	}
	if len(c.ops) == 0 && c.state.highWater == s.index.state.highWater {
		return s.anchorIf(anchor) // nothing to delete
	}
	if err := s.journal.write(payload{frameCommit, c.state, c.ops}); err != nil {
		return s.orFail(err)
	}
	if err := s.journal.sync(); err != nil {
		return s.fail(err)
	}
	s.used.Store(s.journal.end)
	if err := s.publish(c); err != nil {
		return s.fail(err)
	}
	return s.anchorIf(anchor)
}

// publish brings Badger and the index up to the journal.
func (s *Store) publish(c *change) error {
	ops := append(c.ops, s.sealer.stateRecord(c.state))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.engine.apply(ops); err != nil {
		return err
	}
	for n, e := range c.entries {
		s.index.set(n, e)
		if s.dirty != nil {
			s.dirty[n] = struct{}{}
		}
	}
	s.index.state = c.state
	s.highWater.Store(max(s.highWater.Load(), c.state.highWater))
	return s.Err() // Badger may have logged an error meanwhile
}
