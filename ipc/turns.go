package ipc

import (
	"context"
	"sync"
)

// turns let a number of computations run at once, the others in the order in
// which they came. Unlike a channel's or a semaphore's, the number can change
// while some run: fewer take effect as those end.
type turns struct {
	mu      sync.Mutex // guards what follows
	most    int
	running int
	waiting []chan struct{} // closed when their turn has come
}

func newTurns(most int) *turns { return &turns{most: most} }

// take waits for a turn, which give ends. It reports false when ctx ends first.
func (t *turns) take(ctx context.Context) bool {
	t.mu.Lock()
	if t.running < t.most && len(t.waiting) == 0 {
		t.running++
		t.mu.Unlock()
		return true
	}
	turn := make(chan struct{})
	t.waiting = append(t.waiting, turn)
	t.mu.Unlock()
	select {
	case <-turn:
		return true
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, w := range t.waiting {
		if w == turn {
			t.waiting = append(t.waiting[:i], t.waiting[i+1:]...)
			return false
		}
	}
	t.running-- // it came at the last moment, and goes to the next
	t.next()
	return false
}

func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.running--
	t.next()
}

// set changes how many run at once.
func (t *turns) set(most int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.most = most
	t.next()
}

// next lets those run for whom there is room; mu is held.
func (t *turns) next() {
	for len(t.waiting) > 0 && t.running < t.most {
		close(t.waiting[0])
		t.waiting = t.waiting[1:]
		t.running++
	}
}
