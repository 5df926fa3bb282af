package vault

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

// clock is the vault's idea of the time: the machine's, but never earlier than
// the latest time that the vault has seen, in this run or an earlier one. A
// clock that is set back can thus not bring an expired key back to life.
type clock struct {
	wall      func() time.Time
	tolerance time.Duration
	highest   atomic.Int64 // the latest time seen, in nanoseconds since 1970
}

func newClock(wall func() time.Time, tolerance time.Duration, highWater time.Time) *clock {
	c := &clock{wall: wall, tolerance: tolerance}
	if !highWater.IsZero() {
		c.highest.Store(highWater.UnixNano())
	}
	return c
}

// now is the effective time.
func (c *clock) now() time.Time {
	wall := c.wall().UnixNano()
	for {
		highest := c.highest.Load()
		if wall <= highest {
			return time.Unix(0, highest).UTC()
		}
		if c.highest.CompareAndSwap(highest, wall) {
			return time.Unix(0, wall).UTC()
		}
	}
}

// stamp is the effective time as records keep it, in whole microseconds.
func (c *clock) stamp() time.Time { return c.now().Truncate(time.Microsecond) }

// regressed reports whether the machine's clock is behind the latest time seen
// by more than the tolerance.
func (c *clock) regressed() bool {
	return c.highest.Load()-c.wall().UnixNano() > int64(c.tolerance)
}

// timekeeper notes the time in the store while nothing else does, so that a
// crash forgets little of it. It runs from unseal to seal.
type timekeeper struct {
	stop chan struct{}
	done sync.WaitGroup
}

func startTimekeeper(c *clock, s *store.Store, every time.Duration, failed func(error)) *timekeeper {
	k := &timekeeper{stop: make(chan struct{})}
	k.done.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-k.stop:
				return
			case <-tick.C:
			}
			now := c.stamp()
			if now.Sub(s.HighWater()) < every/2 {
				continue
			}
			if err := s.Commit(context.Background(), store.Batch{NoteTime: now}); err != nil {
				failed(err)
			}
		}
	})
	return k
}

// close stops the timekeeper and waits for it.
func (k *timekeeper) close() {
	close(k.stop)
	k.done.Wait()
}
