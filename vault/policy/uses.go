package policy

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Use is how much of a counted grant is used up.
type Use struct {
	Grant string    `json:"grant"` // id
	Start time.Time `json:"start"` // of the current period
	Used  uint32    `json:"used"`  // in that period
	Total uint64    `json:"total"` // ever
}

// UseStore keeps uses. SaveUses replaces those of the grants it is given, and
// they are durable when it returns.
type UseStore interface {
	LoadUses() ([]Use, error)
	SaveUses([]Use) error
}

// Uses counts the uses of grants, over all sets made with it. A grant with a
// total is saved at each use, before the use is allowed, so that no crash gives
// one back; uses in a period are saved by [Uses.Flush]. The zero Uses keeps them
// in memory only. It is safe for concurrent use.
type Uses struct {
	store UseStore // nil for none

	mu       sync.Mutex // guards counters
	counters map[string]*counter
}

// NewUses returns the uses that the store holds.
func NewUses(store UseStore) (*Uses, error) {
	saved, err := store.LoadUses()
	if err != nil {
		return nil, fmt.Errorf("load the uses of grants: %w", err)
	}
	u := &Uses{store: store, counters: make(map[string]*counter, len(saved))}
	for _, s := range saved {
		u.counters[s.Grant] = &counter{store: store, use: s}
	}
	return u, nil
}

// Snapshot is every use counted, in the order of grants.
func (u *Uses) Snapshot() []Use { return u.collect(func(*counter) bool { return true }) }

// Total is how often the grant was used, ever.
func (u *Uses) Total(grant string) uint64 {
	u.mu.Lock()
	c := u.counters[grant]
	u.mu.Unlock()
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.use.Total
}

// Flush saves what changed since it was last saved. Call it now and then, and
// before the program ends.
func (u *Uses) Flush() error {
	if u.store == nil {
		return nil
	}
	changed := u.collect(func(c *counter) bool { return c.dirty })
	if len(changed) == 0 {
		return nil
	}
	if err := u.store.SaveUses(changed); err != nil {
		return fmt.Errorf("save the uses of grants: %w", err)
	}
	for _, s := range changed {
		u.mu.Lock()
		c := u.counters[s.Grant]
		u.mu.Unlock()
		if c != nil {
			c.saved(s)
		}
	}
	return nil
}

// Forget drops the uses of a grant that was removed for good.
func (u *Uses) Forget(grant string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.counters, grant)
}

func (u *Uses) collect(which func(*counter) bool) []Use {
	u.mu.Lock()
	all := make([]*counter, 0, len(u.counters))
	for _, c := range u.counters {
		all = append(all, c)
	}
	u.mu.Unlock()
	var uses []Use
	for _, c := range all {
		c.mu.Lock()
		if which(c) {
			uses = append(uses, c.use)
		}
		c.mu.Unlock()
	}
	slices.SortFunc(uses, func(a, b Use) int { return cmp.Compare(a.Grant, b.Grant) })
	return uses
}

// counter is the counter of the grant, with the limits that g has now.
func (u *Uses) counter(g *Grant) *counter {
	u.mu.Lock()
	defer u.mu.Unlock()
	shared := u.counters[g.ID]
	if shared == nil {
		shared = &counter{store: u.store, use: Use{Grant: g.ID}}
		if u.counters == nil {
			u.counters = make(map[string]*counter)
		}
		u.counters[g.ID] = shared
	}
	return shared
}

// counter counts the uses of one grant. Two sets may share it for a moment;
// the limits are those of the grant that asks.
type counter struct {
	store UseStore

	mu    sync.Mutex // guards what follows
	use   Use
	dirty bool
}

// saved notes that s is in the store, unless there were more uses meanwhile.
func (c *counter) saved(s Use) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.use == s {
		c.dirty = false
	}
}

// take counts a use and reports whether there was one left and it could be
// saved where it must be. A clock that went back does not begin a new period.
func (c *counter) take(g *Grant, now time.Time, dry bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.use
	if g.TotalUses != 0 && next.Total >= g.TotalUses {
		return false
	}
	next.Total++
	if g.Uses != 0 {
		if next.Start.IsZero() || !now.Before(next.Start.Add(g.Per)) {
			next.Start, next.Used = now.Round(0), 0
		}
		if next.Used >= g.Uses {
			return false
		}
		next.Used++
	}
	if dry {
		return true
	}
	if g.TotalUses != 0 && c.store != nil {
		if c.store.SaveUses([]Use{next}) != nil {
			return false
		}
		c.use, c.dirty = next, false
		return true
	}
	c.use, c.dirty = next, true
	return true
}
