package vault

import (
	"sync"
	"time"
)

// How wrong passwords are slowed: the first few cost nothing beyond their
// PBKDF2, then the wait doubles up to a ceiling.
const (
	freeAttempts = 3
	firstDelay   = time.Second
	maxDelay     = 5 * time.Minute
)

// throttle slows the guessing of passwords within one process.
type throttle struct {
	mu       sync.Mutex // guards what follows
	failures int
	until    time.Time
}

// admit reports how long the caller still has to wait; zero lets it try.
func (t *throttle) admit(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	wait := t.until.Sub(now)
	if wait <= 0 {
		return 0
	}
	// A clock that was set back does not lock anybody out for longer.
	return min(wait, maxDelay)
}

// failed counts one wrong password.
func (t *throttle) failed(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures++
	if t.failures <= freeAttempts {
		return
	}
	delay := maxDelay
	if n := t.failures - freeAttempts - 1; n < 20 {
		delay = min(firstDelay<<n, maxDelay)
	}
	t.until = now.Add(delay)
}

// succeeded forgets the failures.
func (t *throttle) succeeded() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures, t.until = 0, time.Time{}
}
