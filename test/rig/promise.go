//go:build unix

package rig

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// Promise is how soon something is to be in force. A busy machine can keep one
// wait for long, which proves nothing; most of them have to be in time.
type Promise struct {
	Within time.Duration

	mu   sync.Mutex // guards took
	took []time.Duration
}

// Await waits for ok, as long as Deadline, reports whether it came, and notes when.
func (p *Promise) Await(ok func() bool) bool {
	begun := time.Now()
	for !ok() {
		if time.Since(begun) > Deadline {
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.took = append(p.took, time.Since(begun))
	return true
}

// Kept fails the test if more than half of the waits so far were longer than
// was promised. It says nothing of fewer than three.
func (p *Promise) Kept(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.took)
	if n := len(p.took); n >= 3 && p.took[n/2] > p.Within {
		t.Errorf("promised within %v, and took %v", p.Within, p.took)
	}
}
