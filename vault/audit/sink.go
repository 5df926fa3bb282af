package audit

import (
	"io"
	"sync"
	"time"
)

// sink feeds a second copy of the log to a writer that nobody waits for.
type sink struct {
	w     io.Writer
	limit int
	more  chan struct{}
	quit  chan struct{}
	ended chan struct{}

	mu      sync.Mutex // guards what follows
	queue   []byte     // whole lines
	spare   []byte
	dropped int64
	err     error
}

func newSink(w io.Writer, limit int) *sink {
	s := &sink{w: w, limit: limit, more: make(chan struct{}, 1), quit: make(chan struct{}), ended: make(chan struct{})}
	go s.run()
	return s
}

// offer queues lines, or counts them as dropped when there is no room.
func (s *sink) offer(lines []byte, records int) {
	s.mu.Lock()
	if len(s.queue)+len(lines) > s.limit {
		s.dropped += int64(records)
	} else {
		s.queue = append(s.queue, lines...)
	}
	s.mu.Unlock()
	signal(s.more)
}

func (s *sink) run() {
	defer close(s.ended)
	for {
		select {
		case <-s.more:
			s.drain()
		case <-s.quit:
			s.drain()
			return
		}
	}
}

func (s *sink) drain() {
	s.mu.Lock()
	lines := s.queue
	s.queue = s.spare[:0]
	s.spare = nil
	s.mu.Unlock()
	var err error
	if len(lines) > 0 {
		_, err = s.w.Write(lines)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spare = lines
	if len(lines) == 0 {
		return
	}
	if s.err = err; err != nil {
		for _, c := range lines {
			if c == '\n' {
				s.dropped++
			}
		}
	}
}

func (s *sink) state() (dropped int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped, s.err
}

// close lets the writer take what waits, if it does so in time. A writer that
// is stuck is left behind: only its owner can end it.
func (s *sink) close(patience time.Duration) {
	close(s.quit)
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-s.ended:
	case <-t.C:
	}
}
