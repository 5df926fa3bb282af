package store

import (
	"context"
	"errors"
	"fmt"
)

// orFail passes ErrFull on, which leaves the store as it was, and makes every
// other error a failure.
func (s *Store) orFail(err error) error {
	if errors.Is(err, ErrFull) {
		return err
	}
	return s.fail(err)
}

// loadAnchor reads the anchor, and refuses a store whose anchor has gone.
func (s *Store) loadAnchor() (*anchorMark, error) {
	o := &s.opts
	if o.AnchorPath == "" {
		if s.ring.flags&flagAnchored != 0 {
			o.Log.Warn("the store has an anchor, but none is configured: rollback goes unnoticed")
		}
		return nil, nil
	}
	mark, err := readAnchor(o.AnchorPath, s.root.anchor, o.VaultID)
	if err == nil && mark == nil && s.ring.flags&flagAnchored != 0 {
		err = fmt.Errorf("%w: %s is missing", ErrRolledBack, o.AnchorPath)
	}
	if errors.Is(err, errAnchorDamaged) {
		err = fmt.Errorf("%w: %w", ErrRolledBack, err)
	}
	if errors.Is(err, ErrRolledBack) && o.AcceptRollback {
		o.Log.Warn("rollback accepted", "err", err)
		return nil, nil
	}
	return mark, err
}

// checkAnchor compares the store with its anchor. markHead is the journal's
// chain hash after as many frames as the anchor knows of.
func (s *Store) checkAnchor(m *anchorMark, st state, at survey, markHead chain) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrRolledBack}, args...)...)
	}
	o, ring := &s.opts, s.ring
	switch {
	case o.HeaderEpoch < m.headerEpoch:
		return refuse("header of epoch %d, anchor knows %d", o.HeaderEpoch, m.headerEpoch)
	case o.HeaderEpoch == m.headerEpoch && o.HeaderHash != m.headerHash:
		return refuse("header of epoch %d is not the one the anchor knows", o.HeaderEpoch)
	case ring.generation < m.generation:
		return refuse("generation %d, anchor knows %d", ring.generation, m.generation)
	case st.seq < m.seq:
		return refuse("commit %d, anchor knows %d", st.seq, m.seq)
	case ring.generation == m.generation && at.frames < m.frames:
		return refuse("%d journal frames, anchor knows %d", at.frames, m.frames)
	case ring.generation == m.generation && markHead != m.head:
		return refuse("history differs at commit %d", m.seq)
	case ring.generation == m.generation+1 && ring.baseSeq < m.seq:
		return refuse("generation %d begins at commit %d, anchor knows %d", ring.generation, ring.baseSeq, m.seq)
	case ring.generation == m.generation+1 && ring.baseSeq == m.seq && ring.baseHead != m.head:
		return refuse("history differs at commit %d", m.seq)
	}
	return nil
}

// enrollAnchor opens the anchor for writing, brings it up to date, and notes
// in the keyring that there is one.
func (s *Store) enrollAnchor(last *anchorMark) (err error) {
	if s.opts.AnchorPath == "" {
		return nil
	}
	if s.anchor, err = openAnchor(s.opts.AnchorPath, s.root.anchor, s.opts.VaultID, last); err != nil {
		return err
	}
	if s.anchorBehind() {
		if err := s.writeAnchor(); err != nil {
			return err
		}
	}
	if s.ring.flags&flagAnchored == 0 {
		s.ring.flags |= flagAnchored
		return s.ring.save(s.opts.Dir, s.root, s.opts.VaultID)
	}
	return nil
}

// position is what the anchor should say now.
func (s *Store) position() anchorMark {
	return anchorMark{
		headerEpoch: s.opts.HeaderEpoch,
		headerHash:  s.opts.HeaderHash,
		generation:  s.ring.generation,
		seq:         s.index.state.seq,
		frames:      s.journal.frames,
		head:        s.journal.head,
		highWater:   max(s.index.state.highWater, s.highWater.Load()),
	}
}

func (s *Store) anchorBehind() bool {
	m := s.position()
	m.number = s.anchor.last.number
	return m != s.anchor.last
}

func (s *Store) writeAnchor() error {
	s.noteAnchor()
	defer s.custody.anchor.Wrote()
	return s.anchor.write(s.position())
}

// anchorIf makes the anchor durable when a batch asks for it.
func (s *Store) anchorIf(asked bool) error {
	if !asked || s.anchor == nil || !s.anchorBehind() {
		return nil
	}
	if err := s.writeAnchor(); err != nil {
		return s.fail(err)
	}
	return nil
}

// SetHeader tells the store that the vault's header was replaced. When it
// returns nil the anchor knows the new one, and an older header is refused.
func (s *Store) SetHeader(hash [32]byte, epoch uint64) error {
	return s.do(context.Background(), func() error {
		if err := s.Err(); err != nil {
			return err
		}
		s.opts.HeaderHash, s.opts.HeaderEpoch = hash, epoch
		return s.anchorIf(true)
	})
}
