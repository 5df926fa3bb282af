package vault

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

// The vault believes no clock outside of these bounds: a machine that starts
// without knowing the date says 1970, and a time after 2262 is beyond what
// nanoseconds since 1970 can count.
var (
	earliest = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
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
	c.highest.Store(within(highWater).UnixNano())
	return c
}

// within moves a time into the bounds.
func within(t time.Time) time.Time {
	switch {
	case t.Before(earliest):
		return earliest
	case t.After(latest):
		return latest
	}
	return t
}

// now is the effective time.
func (c *clock) now() time.Time {
	wall := within(c.wall()).UnixNano()
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
	return time.Unix(0, c.highest.Load()).Sub(c.wall()) > c.tolerance
}

// timekeeper does what time alone asks for, at unseal and then every so often
// until the vault is sealed: it notes the time in the store while nothing else
// does, so that a crash forgets little of it, and ends keys whose time is over.
type timekeeper struct {
	stop chan struct{}
	done sync.WaitGroup
}

func startTimekeeper(every time.Duration, work func()) *timekeeper {
	k := &timekeeper{stop: make(chan struct{})}
	k.done.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			work()
			select {
			case <-k.stop:
				return
			case <-tick.C:
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

// noteTime raises the store's high-water mark of time, unless something has
// done so lately.
func (o *opened) noteTime(ctx context.Context, lately time.Duration) error {
	now := o.clock.stamp()
	if now.Sub(o.store.HighWater()) < lately {
		return nil
	}
	return o.store.Commit(ctx, store.Batch{NoteTime: now})
}
