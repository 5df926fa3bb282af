package audit

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// patience bounds how long AppendHot waits for a disk that does not answer.
const patience = 10 * time.Second

// batch is records that wait to be written. Their lines lack the beginning,
// since a record gets its sequence number when it is written, in that order.
type batch struct {
	tails   []byte
	entries []entry
}

type entry struct {
	end    int     // of its tail
	waiter *waiter // nil for a hot record
	urgent bool
}

type waiter struct{ done chan written }

type written struct {
	seq int64
	err error
}

var waiters = sync.Pool{New: func() any { return &waiter{make(chan written, 1)} }}

func (b *batch) add(r *Record, w *waiter, urgent bool) {
	b.tails = appendTail(b.tails, r)
	b.entries = append(b.entries, entry{len(b.tails), w, urgent})
}

// each calls f with every entry and its tail.
func (b *batch) each(f func(e entry, tail []byte)) {
	start := 0
	for _, e := range b.entries {
		f(e, b.tails[start:e.end])
		start = e.end
	}
}

// take adds an entry of another batch.
func (b *batch) take(e entry, tail []byte) {
	b.tails = append(b.tails, tail...)
	b.entries = append(b.entries, entry{len(b.tails), e.waiter, e.urgent})
}

func (b *batch) reset() {
	clear(b.entries) // lets go of waiters
	b.tails, b.entries = b.tails[:0], b.entries[:0]
}

// Append writes r and returns its sequence number when it is durable. An error
// that is ErrUnavailable means that r is not in the log, except when ctx ended
// the wait: then it may be. A ctx that has ended already does not keep r from
// being written.
func (l *Log) Append(ctx context.Context, r Record) (int64, error) {
	return l.durable(ctx, &r, false)
}

// AppendUrgent is Append for records that have to be written on a full disk:
// of sealing, revoking and destroying. They may use the reserved space.
func (l *Log) AppendUrgent(ctx context.Context, r Record) (int64, error) {
	return l.durable(ctx, &r, true)
}

func (l *Log) durable(ctx context.Context, r *Record, urgent bool) (int64, error) {
	if r.Time.IsZero() {
		r.Time = l.now()
	}
	w := waiters.Get().(*waiter)
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return -1, unavailable(ErrClosed)
	}
	l.pending.add(r, w, urgent)
	l.unsynced++
	l.mu.Unlock()
	signal(l.kick)
	select {
	case result := <-w.done:
		waiters.Put(w)
		return result.seq, result.err
	case <-ctx.Done(): // the committer still has w
		return -1, unavailable(fmt.Errorf("waiting for the disk: %w", context.Cause(ctx)))
	}
}

// AppendHot takes r and returns. It is durable Options.Interval later, plus the
// time of a sync; a power cut before that loses it, and a crash of the process
// loses it too. At most Options.MaxUnsynced records are in that state. While
// the log can't be written, AppendHot waits for its record to be written as
// Append does, and returns ErrUnavailable when it isn't.
func (l *Log) AppendHot(r Record) error {
	if r.Time.IsZero() {
		r.Time = l.now()
	}
	l.mu.Lock()
	if l.unsynced >= l.opts.MaxUnsynced && l.cause == nil && !l.closed {
		if err := l.waitForRoom(); err != nil {
			l.mu.Unlock()
			return err
		}
	}
	if l.closed {
		l.mu.Unlock()
		return unavailable(ErrClosed)
	}
	if l.cause != nil {
		l.mu.Unlock()
		return l.appendPatiently(r)
	}
	l.pending.add(&r, nil, false)
	l.unsynced++
	n := len(l.pending.entries)
	l.mu.Unlock()
	switch n {
	case 1:
		signal(l.arm)
	case l.opts.FlushRecords:
		signal(l.kick)
	}
	return nil
}

func (l *Log) appendPatiently(r Record) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := l.durable(ctx, &r, false)
	return err
}

// waitForRoom waits, with mu held before and after, until fewer than the
// permitted hot records are not durable, or can't be made so.
func (l *Log) waitForRoom() error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	for l.unsynced >= l.opts.MaxUnsynced && l.cause == nil && !l.closed {
		progress := l.nextProgress()
		l.mu.Unlock()
		signal(l.kick)
		select {
		case <-progress:
			l.mu.Lock()
		case <-timeout.C:
			l.mu.Lock()
			return unavailable(fmt.Errorf("the disk took nothing for %v", patience))
		}
	}
	return nil
}

// nextProgress is closed when the next commit ended. It is called with mu held.
func (l *Log) nextProgress() <-chan struct{} {
	if l.progress == nil {
		l.progress = make(chan struct{})
	}
	return l.progress
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // it is under way already
	}
}
