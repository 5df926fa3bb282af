package audit

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Sink is where a second copy of the log goes. Nobody ever waits for it: lines
// that it does not take wait in a queue, and are dropped and counted when that
// is full.
type Sink struct {
	Name string
	// Writer gets whole lines, with their newlines, after they are durable, and
	// from one goroutine. It may be slow or stuck. With an error it returns the
	// length of the whole lines that it took; the others are offered again a
	// second later. A Writer that is an io.Closer is closed with the log, even in a Write.
	Writer io.Writer
}

// SinkStatus is the state of one sink.
type SinkStatus struct {
	Name    string
	Dropped int64 // records that it did not get
	Err     error // why it takes none now; nil when it does
}

const (
	sinkRetry    = time.Second
	sinkPatience = time.Second // with a write that does not end, and at Close
)

// sink feeds one.
type sink struct {
	Sink
	limit int
	now   func() time.Time
	told  *slog.Logger
	more  chan struct{}
	quit  chan struct{}
	ended chan struct{}

	mu       sync.Mutex // guards what follows
	queue    []byte     // whole lines
	writing  []byte     // those that the writer has, or did not take yet
	spare    []byte
	dropped  int64
	dropping bool      // the last line was dropped
	since    time.Time // when the write that runs began; zero for none
	err      error
}

func newSink(s Sink, o Options) *sink {
	k := &sink{
		Sink: s, limit: o.SinkQueue, now: o.Now, told: o.Log.With("sink", s.Name),
		more: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{}),
	}
	go k.run()
	return k
}

// offer queues lines, or counts them as dropped when there is no room.
func (s *sink) offer(lines []byte, records int) {
	s.mu.Lock()
	full := len(s.queue)+len(s.writing)+len(lines) > s.limit
	news := full && !s.dropping
	if s.dropping = full; full {
		s.dropped += int64(records)
	} else {
		s.queue = append(s.queue, lines...)
	}
	s.mu.Unlock()
	if news {
		s.told.Warn("audit log: a second copy misses records: its queue is full")
	}
	signal(s.more)
}

func (s *sink) run() {
	defer close(s.ended)
	again := time.NewTimer(sinkRetry)
	again.Stop()
	waiting := false // until the sink is tried again
	for {
		select {
		case <-s.more:
			if waiting {
				continue
			}
		case <-again.C:
		case <-s.quit:
			s.drain()
			return
		}
		if waiting = !s.drain(); waiting {
			again.Reset(sinkRetry)
		}
	}
}

// drain writes what waits, and reports whether the sink took all of it.
func (s *sink) drain() bool {
	for lines := s.next(); len(lines) > 0; lines = s.next() {
		n, err := s.Writer.Write(lines)
		if !s.wrote(lines, n, err) {
			return false
		}
	}
	return true
}

// next are the lines to write: those that were not taken before come first.
func (s *sink) next() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.writing) == 0 {
		s.writing, s.queue, s.spare = s.queue, s.spare[:0], nil
	}
	if len(s.writing) > 0 {
		s.since = s.now()
	}
	return s.writing
}

// wrote notes how the write of lines ended.
func (s *sink) wrote(lines []byte, n int, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = time.Time{}
	switch {
	case err != nil && s.err == nil:
		s.told.Warn("audit log: a second copy takes no records; they wait for it", "err", err)
	case err == nil && s.err != nil:
		s.told.Info("audit log: a second copy takes records again")
	}
	s.err = err
	if err == nil {
		s.writing, s.spare = nil, lines
		return true
	}
	// Moved to the front, where there is room to grow when all of it was taken.
	s.writing = lines[:copy(lines, lines[n:])]
	return false
}

var errStuck = errors.New("takes nothing")

func (s *sink) state() SinkStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := SinkStatus{Name: s.Name, Dropped: s.dropped, Err: s.err}
	if !s.since.IsZero() && s.now().Sub(s.since) > sinkPatience {
		st.Err = fmt.Errorf("%w since %s", errStuck, s.since.UTC().Format(time.RFC3339))
	}
	return st
}

// close lets the writer take what waits, if it does so in time. One that is
// stuck is closed in its write, or left behind if it can't be.
func (s *sink) close() {
	close(s.quit)
	t := time.NewTimer(sinkPatience)
	defer t.Stop()
	select {
	case <-s.ended:
	case <-t.C:
	}
	if c, ok := s.Writer.(io.Closer); ok {
		if err := c.Close(); err != nil {
			s.told.Warn("audit log: a second copy was not closed in order", "err", err)
		}
	}
}
