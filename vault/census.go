package vault

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// censusFor is how long a census is given out again before keys are counted anew.
const censusFor = time.Second

// Census is a count of a vault's keys at a moment. It must not be changed.
type Census struct {
	At   time.Time
	Keys []KeyCount // by type and state in the order of their names and numbers; none is zero
	// NextExpiry is the earliest of the newest versions that are active; zero
	// when none of them expires.
	NextExpiry time.Time

	expiries []int64 // of those versions, in microseconds since 1970, in no order
}

// KeyCount is how many keys of a type are in a state, that of [KeyInfo].
type KeyCount struct {
	Type  string
	State KeyState
	N     int
}

// States sums the keys of all types up.
func (c *Census) States() map[KeyState]int {
	states := make(map[KeyState]int)
	for _, k := range c.Keys {
		states[k.State] += k.N
	}
	return states
}

// ExpiringSoon counts the keys that stop protecting new data within d from the
// census, unless they are rotated.
func (c *Census) ExpiringSoon(d time.Duration) int {
	end, n := c.At.Add(d).UnixMicro(), 0
	for _, e := range c.expiries {
		if e <= end {
			n++
		}
	}
	return n
}

// censusTaker keeps the latest census. Whoever comes while keys are counted
// waits for that count.
type censusTaker struct {
	mu    sync.Mutex
	taken time.Time // by the machine's clock, which goes on when the vault's does not
	last  Census
}

// Census counts the keys. A hundred thousand take some milliseconds, in which
// nothing else has to wait; a count is up to a second old. Error: sealed.
func (v *Vault) Census() (Census, error) {
	o, err := v.enter()
	if err != nil {
		return Census{}, err
	}
	// What is counted is metadata, which stays in memory when the vault is sealed
	// meanwhile: so that sealing need not wait.
	v.mu.RUnlock()
	t := &o.census
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken.IsZero() || time.Since(t.taken) >= censusFor {
		t.last = count(o.ring.everyKey(), o.clock.now())
		t.taken = time.Now()
	}
	return t.last, nil
}

// count takes the census of keys at a time.
func count(keys []*key, now time.Time) Census {
	c := Census{At: now}
	type row [numStates]int
	counts := make(map[*keytype.Type]*row)
	var of *keytype.Type // whose row is at hand: neighbours are mostly of one type
	var at *row
	var next int64
	for _, k := range keys {
		state, expires := k.outlook(now)
		if k.typ != of {
			of = k.typ
			if at = counts[of]; at == nil {
				at = new(row)
				counts[of] = at
			}
		}
		at[state]++
		if expires != 0 {
			c.expiries = append(c.expiries, expires)
			if next == 0 || expires < next {
				next = expires
			}
		}
	}
	for typ, r := range counts {
		for state, n := range r {
			if n > 0 {
				c.Keys = append(c.Keys, KeyCount{typ.Name, KeyState(state), n})
			}
		}
	}
	slices.SortFunc(c.Keys, func(a, b KeyCount) int { return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.State, b.State)) })
	if next != 0 {
		c.NextExpiry = time.UnixMicro(next).UTC()
	}
	return c
}

// outlook is the key's state at a time, and when its newest version expires, in
// microseconds since 1970: zero for never, and for one that is not active.
func (k *key) outlook(now time.Time) (state KeyState, expires int64) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	state = k.stateOfAll(now)
	if current := &k.rec.versions[k.current(now)-1]; state == StateActive && !current.notAfter.IsZero() {
		expires = current.notAfter.UnixMicro()
	}
	return state, expires
}
