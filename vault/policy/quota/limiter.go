package quota

import (
	"container/list"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Rate is how often something may be done.
type Rate struct {
	PerSecond float64 // zero or less is without limit
	Burst     int     // at once, after a pause; at least 1
}

// MaxPrincipals is how many principals a Limiter tells apart.
const MaxPrincipals = 4096

// Limiter gives each principal a rate of its own. It is safe for concurrent
// use. It remembers only principals that have not been idle for so long that
// they have their whole burst again; if those are more than MaxPrincipals, the
// rest share one rate.
type Limiter struct {
	limits atomic.Bool // there is a rate: Allow needs no lock without

	mu    sync.Mutex // guards what follows
	rate  Rate
	max   int
	known map[uint32]*list.Element // of *bucket
	order *list.List               // the least recently used at the back
	rest  *rate.Limiter
}

type bucket struct {
	uid     uint32
	limiter *rate.Limiter
}

// NewLimiter returns a limiter in which nobody has asked for anything.
func NewLimiter(r Rate) *Limiter {
	l := &Limiter{rate: r, max: MaxPrincipals, known: make(map[uint32]*list.Element), order: list.New()}
	l.limits.Store(r.PerSecond > 0)
	l.rest = l.bucket()
	return l
}

func (l *Limiter) bucket() *rate.Limiter {
	return rate.NewLimiter(limit(l.rate), max(l.rate.Burst, 1))
}

func limit(r Rate) rate.Limit {
	if r.PerSecond <= 0 {
		return rate.Inf
	}
	return rate.Limit(r.PerSecond)
}

// SetRate changes the rate of everybody, from now on.
func (l *Limiter) SetRate(r Rate, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rate = r
	l.limits.Store(r.PerSecond > 0)
	set := func(b *rate.Limiter) {
		b.SetLimitAt(now, limit(r))
		b.SetBurstAt(now, max(r.Burst, 1))
	}
	set(l.rest)
	for e := l.order.Front(); e != nil; e = e.Next() {
		set(e.Value.(*bucket).limiter)
	}
}

// Limits reports whether there is a rate at all. It takes no lock.
func (l *Limiter) Limits() bool { return l.limits.Load() }

// Allow reports whether uid may do one more thing now, and if not, how long to
// wait before it is worth asking again. A refusal costs nothing.
func (l *Limiter) Allow(uid uint32, now time.Time) (wait time.Duration, ok bool) {
	if !l.Limits() {
		return 0, true
	}
	l.mu.Lock()
	b, perSecond := l.find(uid, now), l.rate.PerSecond
	l.mu.Unlock()
	if perSecond <= 0 || b.AllowN(now, 1) {
		return 0, true
	}
	missing := 1 - b.TokensAt(now)
	return max(time.Duration(missing/perSecond*float64(time.Second)), time.Millisecond), false
}

// find is uid's own bucket, or the common one; mu is held.
func (l *Limiter) find(uid uint32, now time.Time) *rate.Limiter {
	if e, ok := l.known[uid]; ok {
		l.order.MoveToFront(e)
		return e.Value.(*bucket).limiter
	}
	// One that is full again says no more than one that is new.
	for range 2 {
		oldest := l.order.Back()
		if oldest == nil {
			break
		}
		b := oldest.Value.(*bucket)
		if b.limiter.TokensAt(now) < float64(b.limiter.Burst()) {
			break
		}
		l.order.Remove(oldest)
		delete(l.known, b.uid)
	}
	if len(l.known) >= l.max {
		return l.rest
	}
	b := &bucket{uid, l.bucket()}
	l.known[uid] = l.order.PushFront(b)
	return b.limiter
}

// Principals is how many are told apart now.
func (l *Limiter) Principals() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.known)
}
