package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Rewrite copies every live record into a new generation under new random
// keys and drops the old one, whose keys are gone with its keyring: what was
// overwritten or deleted can no longer be opened. It is also what compacts
// the store. Reads go on; commits wait only for the moment of the change.
//
// It returns ErrFull when there is no room for a second copy, and the first
// error otherwise; the old generation stays valid until the new one is whole.
//
// A snapshot that is being read ends with ErrRewritten: it would keep what was
// deleted.
func (s *Store) Rewrite(ctx context.Context) error {
	s.endSnapshot(ErrRewritten)
	return s.rewrite(ctx)
}

// rewrite is Rewrite, after the snapshot that is being read.
func (s *Store) rewrite(ctx context.Context) error {
	select {
	case <-s.rewrites:
		defer func() {
			s.rewriting.Store(s.leftovers())
			s.rewrites <- struct{}{}
		}()
	case <-ctx.Done():
		return ctx.Err()
	case <-s.quit:
		return ErrClosed
	}
	w := &rewriter{s: s, ctx: ctx}
	if err := s.do(ctx, w.begin); err != nil {
		return fmt.Errorf("begin rewrite: %w", err)
	}
	err := w.copy()
	if err == nil {
		err = s.do(context.WithoutCancel(ctx), w.swap)
	}
	if err != nil {
		w.abandon()
		return fmt.Errorf("rewrite: %w", err)
	}
	return w.retire()
}

// catchUp is how many changed records the committer may copy while commits
// wait; more are copied before.
const catchUp = 256

// rewriter builds the next generation beside the present one.
type rewriter struct {
	s   *Store
	ctx context.Context

	names   []name
	ring    *keyring
	sealer  *sealer
	journal *journal
	engine  *engine
	index   *index

	swapped   bool
	oldRing   *keyring
	oldEngine *engine
	oldFiles  *journal
}

// begin runs in the committer: from here on changed names are noted.
func (w *rewriter) begin() error {
	s := w.s
	if err := s.Err(); err != nil {
		return err
	}
	free, _, err := space(s.opts.Dir)
	if err != nil {
		return err
	}
	if need := lowWater + 4*s.index.bytes; free < need {
		return fmt.Errorf("%w: %d MiB free, a rewrite needs %d MiB", ErrFull, free>>20, need>>20)
	}
	s.rewriting.Store(true)
	w.names = s.names()
	s.dirty = make(map[name]struct{})
	return nil
}

// copy makes the new generation, up to the last few changes, and reads it
// back.
func (w *rewriter) copy() error {
	s := w.s
	if err := clearLeftovers(s.opts.Dir, s.ring.generation); err != nil {
		return err
	}
	w.ring = &keyring{
		generation: s.ring.generation + 1,
		term:       s.ring.term + 1,
		flags:      s.ring.flags,
		keys:       newGenerationKeys(),
		created:    s.opts.Now(),
	}
	w.sealer = newSealer(w.ring.keys, w.ring.term, s.opts.VaultID)
	w.index = newIndex(newLeafHasher(s.root.digest), len(w.names))
	var err error
	if w.journal, err = createJournal(s.opts.Dir, w.ring.generation, s.opts.VaultID, w.ring.keys); err != nil {
		return err
	}
	if w.engine, err = s.openEngine(w.ring); err != nil {
		return err
	}
	for changed := w.names; ; {
		if err := w.move(changed); err != nil {
			return err
		}
		var left map[name]struct{}
		if err := s.do(w.ctx, func() error {
			if len(s.dirty) > catchUp {
				left, s.dirty = s.dirty, make(map[name]struct{})
			}
			return s.Err()
		}); err != nil {
			return err
		}
		if left == nil {
			break
		}
		changed = changed[:0]
		for n := range left {
			changed = append(changed, n)
		}
	}
	if err := w.journal.sync(); err != nil {
		return err
	}
	return w.verify()
}

// move seals records again and appends them to the new journal and Badger, a
// frame at a time.
func (w *rewriter) move(names []name) error {
	load := w.engine.newLoader()
	if err := w.moveAll(names, load.put); err != nil {
		return err
	}
	return load.flush()
}

func (w *rewriter) moveAll(names []name, store func(name, []byte) error) error {
	var ops []op
	size := 0
	flush := func() error {
		if len(ops) == 0 {
			return nil
		}
		// The sequence number of the moment of the change is not known yet.
		if err := w.journal.write(payload{frameSnapshot, w.index.state, ops}); err != nil {
			return err
		}
		ops, size = nil, 0
		return nil
	}
	for _, n := range names {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		sealed, err := w.reseal(n)
		if err != nil {
			return err
		}
		if sealed == nil {
			continue
		}
		e, _, _ := parseEntry(sealed)
		w.index.put(n, e)
		ops = append(ops, op{n, sealed})
		size += len(sealed)
		if err := store(n, sealed); err != nil {
			return err
		}
		if size >= groupSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// reseal returns the record at n sealed for the new generation, or nil if
// there is none to copy.
func (w *rewriter) reseal(n name) ([]byte, error) {
	s := w.s
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, ErrClosed
	}
	rec, err := s.fetch(n)
	e := s.index.entries[n]
	switch {
	case errors.Is(err, ErrNotFound):
		if _, copied := w.index.entries[n]; !copied {
			return nil, nil
		}
		// Deleted after it was copied: the new generation needs the deletion.
		return w.sealer.seal(nil, n, statusDeleted, e.version, e.seq, ID{}, nil), nil
	case err != nil:
		return nil, err
	}
	return w.sealer.seal(nil, n, statusLive, e.version, e.seq, rec.ID, rec.Body), nil
}

// verify reads the new generation back from its files and from Badger.
func (w *rewriter) verify() error {
	for _, file := range w.journal.names {
		at, err := walker{}.walk(w.s.opts.Dir, file)
		if err != nil {
			return err
		}
		if at.frames != w.journal.frames || at.head != w.journal.head || at.end != w.journal.end {
			return corrupt(file, "does not read back as it was written")
		}
	}
	workers := max(1, min(runtime.GOMAXPROCS(0), 8))
	counts := make([]int, workers)
	err := w.engine.scan(workers, func(i int, n name, sealed []byte) error {
		_, e, err := w.sealer.open(nil, n, sealed)
		if err != nil {
			return fmt.Errorf("new generation: %w", err)
		}
		if w.index.entries[n] != e {
			return errors.New("new generation: a record does not read back as it was written")
		}
		counts[i]++
		return nil
	})
	total := 0
	for _, c := range counts {
		total += c
	}
	if err == nil && total != len(w.index.entries) {
		err = fmt.Errorf("new generation: %d records read back of %d", total, len(w.index.entries))
	}
	return err
}

// swap runs in the committer, so that nothing changes meanwhile: it copies the
// last changes, closes the snapshot, and puts the new keyring in place. From
// the rename of the keyring on the new generation counts.
func (w *rewriter) swap() error {
	s := w.s
	if err := s.Err(); err != nil {
		return err
	}
	changed := make([]name, 0, len(s.dirty))
	for n := range s.dirty {
		changed = append(changed, n)
	}
	if err := w.move(changed); err != nil {
		return err
	}
	st := w.index.state
	st.seq, st.highWater = s.index.state.seq, max(s.index.state.highWater, s.highWater.Load())
	if st.live != s.index.state.live {
		return fmt.Errorf("new generation has %d live records, the old one %d", st.live, s.index.state.live)
	}
	w.index.state = st
	if err := w.journal.write(payload{frameSnapshotEnd, st, nil}); err != nil {
		return err
	}
	if err := w.journal.sync(); err != nil {
		return err
	}
	if err := w.engine.apply([]op{w.sealer.stateRecord(st)}); err != nil {
		return err
	}
	if err := syncDir(s.opts.Dir); err != nil {
		return err
	}
	w.ring.baseSeq, w.ring.baseHead = s.index.state.seq, s.journal.head
	err := w.ring.save(s.opts.Dir, s.root, s.opts.VaultID)
	s.custody.wroteRing()
	if err != nil {
		if current, rerr := readKeyring(s.opts.Dir, fileKeyring); rerr == nil {
			if k, derr := decodeKeyring(current, s.root, s.opts.VaultID); derr == nil {
				k.keys.wipe()
				if k.generation == s.ring.generation {
					return err // the old keyring was not touched
				}
			}
		}
		return s.fail(err)
	}
	s.mu.Lock()
	w.oldRing, w.oldEngine, w.oldFiles = s.ring, s.engine, s.journal
	s.ring, s.sealer, s.engine, s.index, s.journal = w.ring, w.sealer, w.engine, w.index, w.journal
	s.mu.Unlock()
	s.dirty = nil
	s.used.Store(s.journal.end)
	w.swapped = true
	if s.anchor != nil {
		if err := s.writeAnchor(); err != nil {
			return s.fail(err)
		}
	}
	return nil
}

// retire drops the old generation.
func (w *rewriter) retire() error {
	w.oldRing.keys.wipe()
	err := w.oldEngine.close()
	w.oldFiles.close()
	if cerr := clearLeftovers(w.s.opts.Dir, w.ring.generation); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("drop generation %d: %w", w.oldRing.generation, err)
	}
	return nil
}

// abandon drops the unfinished generation. After a failure its files stay for
// the next Open to judge.
func (w *rewriter) abandon() {
	s := w.s
	if w.swapped {
		w.retire() //nolint:errcheck // the store has failed; the next Open clears up
		return
	}
	s.do(context.Background(), func() error { s.dirty = nil; return nil }) //nolint:errcheck // closed: nobody asks for it
	if w.engine != nil {
		w.engine.close() //nolint:errcheck // its files are removed
	}
	if w.journal != nil {
		w.journal.close()
	}
	if w.ring == nil {
		return
	}
	w.ring.keys.wipe()
	if s.Err() != nil {
		return
	}
	names := journalNames(w.ring.generation)
	for _, file := range []string{names[0], names[1], dbName(w.ring.generation)} {
		os.RemoveAll(filepath.Join(s.opts.Dir, file)) //nolint:errcheck // the next Open removes leftovers
	}
}
