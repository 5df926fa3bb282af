package audit

import (
	"errors"
	"fmt"
	"time"
)

// retryAfter is when hot records that could not be written are tried again.
const retryAfter = 500 * time.Millisecond

// run is the committer: the one goroutine that writes when it is time.
func (l *Log) run() {
	defer l.work.Done()
	write, sign := time.NewTimer(time.Hour), time.NewTimer(time.Hour)
	write.Stop()
	sign.Stop()
	signs := false // the sign timer runs
	for {
		select {
		case <-l.stop:
			return
		case <-l.arm:
			write.Reset(l.delay())
			continue
		case <-sign.C:
			signs = false
			l.files.Lock()
			l.checkpointed()
			l.files.Unlock()
			continue
		case <-l.kick:
		case <-write.C:
		}
		l.files.Lock()
		l.commit()
		uncovered := l.edge.size - l.newest.Size
		if l.signer != nil && uncovered >= l.opts.CheckpointRecords {
			l.checkpointed()
			uncovered = 0
		}
		l.files.Unlock()
		if uncovered > 0 && !signs {
			sign.Reset(l.opts.CheckpointInterval)
			signs = true
		}
	}
}

// delay is how long hot records may wait for the next write.
func (l *Log) delay() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause != nil {
		return max(retryAfter, l.opts.Interval)
	}
	return l.opts.Interval
}

// Flush makes all hot records durable now, or says why it can't.
func (l *Log) Flush() error {
	l.files.Lock()
	defer l.files.Unlock()
	if l.isClosed() {
		return ErrClosed
	}
	if l.commit() {
		l.mu.Lock()
		defer l.mu.Unlock()
		return unavailable(l.cause)
	}
	return nil
}

// commit writes all that waits, with files held. It reports whether hot
// records are left over; they are tried again by themselves.
func (l *Log) commit() (again bool) {
	lost := l.inspect()
	l.mu.Lock()
	b := l.pending
	l.pending, l.spare = l.spare, nil
	l.mu.Unlock()
	if len(b.entries) == 0 {
		return l.unchanged(b)
	}
	if lost != nil {
		l.blocked(lost)
		kept := &batch{}
		l.fail(b, kept, lost)
		return l.done(b, kept, lost)
	}
	first := l.edge.size
	err := l.ready(len(b.tails))
	if err == nil {
		err = l.write(b)
	}
	if err == nil {
		l.settle(b, first)
		return l.done(b, nil, nil)
	}
	l.blocked(err)
	urgent, ordinary := split(b)
	if len(urgent.entries) > 0 {
		l.settleUrgent(urgent, first)
	}
	kept := &batch{}
	l.fail(ordinary, kept, err)
	return l.done(b, kept, err)
}

// blocked refuses hot records from now on. It comes before anybody hears that
// a record was refused, so that nobody has a later one accepted.
func (l *Log) blocked(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cause == nil {
		l.opts.Log.Error("the audit log can't be written", "err", err)
	}
	l.cause = err
}

// ready makes sure that ordinary records may be written.
func (l *Log) ready(size int) error {
	if err := l.repairTail(); err != nil {
		return err
	}
	if err := l.reserve.hold(); err != nil {
		return err
	}
	if err := l.hashes.flush(); err != nil {
		return err
	}
	if l.segSize > 0 && l.segSize+int64(size) > l.opts.SegmentSize {
		l.rotate()
	}
	return nil
}

// repairTail cuts off what a failed write left and could not take back.
func (l *Log) repairTail() error {
	if l.seg == nil {
		return l.beginSegment()
	}
	if !l.segDirty {
		return nil
	}
	if err := l.seg.Truncate(l.segSize); err != nil {
		return fmt.Errorf("cut off an incomplete write: %w", err)
	}
	l.segDirty = false
	return nil
}

// write appends a batch to segment and tree and makes it durable, or leaves
// both as they were.
func (l *Log) write(b *batch) error {
	edge := l.edge
	l.out, l.hashOut = l.out[:0], l.hashOut[:0]
	b.each(func(_ entry, tail []byte) {
		start := len(l.out)
		l.out = append(appendSeq(l.out, edge.size), tail...)
		l.hashOut = edge.add(l.leaf.sum(l.out[start:]), l.hashOut)
		l.out = append(l.out, '\n')
	})
	_, err := l.seg.WriteAt(l.out, l.segSize)
	if err == nil {
		// After a failed sync the kernel may have dropped what it could not
		// write, and says so once. Cutting it off and writing it again later
		// makes it new to the kernel.
		err = l.seg.Sync()
	}
	if err != nil {
		l.segDirty = true
		return fmt.Errorf("write %s: %w", segmentName(l.segFirst), errors.Join(err, l.repairTail()))
	}
	l.segSize += int64(len(l.out))
	l.segCached.synced(l.seg, l.segSize)
	l.edge = edge
	l.hashes.rest = append(l.hashes.rest, l.hashOut...)
	// The records are durable. If their hashes can't be written now, then they
	// wait, or are computed again when the log is opened.
	if err := l.hashes.flush(); err != nil {
		l.opts.Log.Warn("audit log: hashes wait to be written", "err", err)
	}
	return nil
}

// settle tells everybody that a batch is durable.
func (l *Log) settle(b *batch, first int64) {
	head := l.edge.head()
	l.mu.Lock()
	l.head = head
	l.unsynced -= len(b.entries)
	l.mu.Unlock()
	l.committed.Store(head.Size)
	for _, s := range l.sinks {
		if len(b.entries) > 0 {
			s.offer(l.out, len(b.entries))
		}
	}
	for i, e := range b.entries {
		if e.waiter != nil {
			e.waiter.done <- written{seq: first + int64(i)}
		}
	}
}

// settleUrgent writes urgent records into the space kept for them.
func (l *Log) settleUrgent(b *batch, first int64) {
	err := l.reserve.release()
	if err == nil {
		err = l.repairTail()
	}
	if err == nil {
		err = l.write(b)
	}
	l.reserve.grab()
	if err == nil {
		l.settle(b, first)
		return
	}
	l.fail(b, &batch{}, err)
}

// fail refuses the records that somebody waits for. Hot ones, which were
// acknowledged, are kept.
func (l *Log) fail(b, kept *batch, err error) {
	refused := 0
	b.each(func(e entry, tail []byte) {
		if e.waiter == nil {
			kept.take(e, tail)
			return
		}
		refused++
		e.waiter.done <- written{-1, unavailable(err)}
	})
	l.mu.Lock()
	l.unsynced -= refused
	l.mu.Unlock()
}

// done puts kept records before those that came meanwhile, and wakes who waits
// for the commit's end.
func (l *Log) done(b, kept *batch, err error) (again bool) {
	b.reset()
	if cap(b.tails) > 16<<20 {
		b = &batch{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if kept != nil && len(kept.entries) > 0 {
		l.pending.each(kept.take)
		l.pending = kept
		again = true
		signal(l.arm)
	}
	l.spare = b
	if err == nil && l.cause != nil {
		l.opts.Log.Info("the audit log can be written again")
	}
	l.cause = err
	l.failing.Store(err != nil)
	if l.progress != nil {
		close(l.progress)
		l.progress = nil
	}
	return again
}

// unchanged is done for a commit that had nothing to write, and so knows
// nothing about whether it could have.
func (l *Log) unchanged(b *batch) (again bool) {
	l.mu.Lock()
	cause := l.cause
	l.mu.Unlock()
	return l.done(b, nil, cause)
}

func split(b *batch) (urgent, ordinary *batch) {
	urgent, ordinary = &batch{}, &batch{}
	b.each(func(e entry, tail []byte) {
		if e.urgent {
			urgent.take(e, tail)
		} else {
			ordinary.take(e, tail)
		}
	})
	return urgent, ordinary
}
