package store

import (
	"context"
	"errors"
	"time"
)

// A rewrite begins by itself when superseded records take more than half of a
// journal of some size, or when Badger has many more tables than its data
// needs. After one that failed the next waits a while.
const (
	compactSize   = 4 << 20
	compactTables = 32
	compactRetry  = 10 * time.Minute
)

// compactIfDue runs in the committer after each group.
func (s *Store) compactIfDue() {
	s.commits++
	garbage := s.journal.end > compactSize+2*(s.index.bytes+opFixed*int64(len(s.index.entries)))
	if !garbage && s.commits%64 != 1 { // counting tables is not free
		return
	}
	tables := !garbage && s.engine.tables() > compactTables+2*int(s.index.bytes/memTableSize)
	if !garbage && !tables || s.dirty != nil || s.Err() != nil || time.Now().Before(s.retry) {
		return
	}
	s.retry = time.Now().Add(compactRetry)
	s.tasks.Go(func() error {
		ctx := context.Background() // Close ends it
		began := time.Now()
		err := s.rewrite(ctx)
		if err != nil {
			if !errors.Is(err, ErrClosed) {
				s.opts.Log.Warn("store was not compacted", "err", err)
			}
			return nil
		}
		s.opts.Log.Info("store compacted", "took", time.Since(began))
		s.do(ctx, func() error { s.retry = time.Time{}; return nil }) //nolint:errcheck // closed: nobody asks for it
		return nil
	})
}
