package main

import (
	"sync"
	"time"

	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/vault"
)

// idleSeal seals the vault when no key was used for as long as is configured.
type idleSeal struct {
	active func() bool // a key was used since the last call, or the vault is sealed
	seal   func(vault.SealReason, string)

	changed chan time.Duration // the newest limit; zero is none
	done    sync.WaitGroup
}

func startIdleSeal(active func() bool, seal func(vault.SealReason, string)) *idleSeal {
	i := &idleSeal{active: active, seal: seal, changed: make(chan time.Duration)}
	i.done.Go(i.run)
	return i
}

func (i *idleSeal) close() {
	close(i.changed)
	i.done.Wait()
}

func (i *idleSeal) set(c config.Seal) { i.changed <- time.Duration(c.Idle) }

// tickOf is how often is looked: sealing is late by no more than a tenth, or ten seconds.
func tickOf(limit time.Duration) time.Duration {
	return min(max(limit/10, 100*time.Millisecond), 10*time.Second)
}

func (i *idleSeal) run() {
	var tick *time.Ticker
	var ticks <-chan time.Time // nil without a limit
	var limit time.Duration
	var idle idleness
	for {
		select {
		case next, open := <-i.changed:
			if tick != nil {
				tick.Stop()
			}
			if !open {
				return
			}
			if ticks = nil; next > 0 {
				tick = time.NewTicker(tickOf(next))
				ticks = tick.C
			}
			if limit == 0 {
				idle = idleness{}
			}
			limit = next
		case <-ticks:
			if idle.over(time.Now(), limit, i.active()) {
				i.seal(vault.SealedByIdle, "no key was used for "+limit.String())
				idle = idleness{}
			}
		}
	}
}

// idleness is since when no key was used.
type idleness struct{ since time.Time }

// over reports whether that is as long as limit. It goes by the clock that went
// further: one stands still while the machine sleeps, the other can be set back.
func (i *idleness) over(now time.Time, limit time.Duration, active bool) bool {
	if active || i.since.IsZero() {
		i.since = now
		return false
	}
	return max(now.Sub(i.since), now.Round(0).Sub(i.since.Round(0))) >= limit
}
