package ipc

import (
	"sync"
	"time"

	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
	"github.com/vaultd/vaultd/vault/policy/quota"
)

// emergencies are never slowed down: who has to seal or revoke something has to
// do it now.
var emergencies = map[policy.Action]bool{policy.Seal: true, policy.RevokeKey: true, policy.RevokeOwner: true}

// rates bound how often each uid may ask. They are looked at first of all, so
// that a flood costs neither a decision nor a record.
type rates struct {
	requests *quota.Limiter // everything
	changes  *quota.Limiter // what changes something or gives material away
	refused  *refusals
}

func newRates(l Limits, record func(refusal)) *rates {
	requests, changes := l.rates()
	return &rates{quota.NewLimiter(requests), quota.NewLimiter(changes), newRefusals(record)}
}

// rates are the limits' in terms of package quota.
func (l Limits) rates() (requests, changes quota.Rate) {
	return quota.Rate{PerSecond: float64(l.RequestsPerSecond), Burst: l.RequestBurst},
		quota.Rate{PerSecond: float64(l.ChangesPerSecond), Burst: l.ChangeBurst}
}

func (r *rates) set(l Limits, now time.Time) {
	requests, changes := l.rates()
	r.requests.SetRate(requests, now)
	r.changes.SetRate(changes, now)
}

// apply reports whether m is bounded at all now. It takes no lock.
func (r *rates) apply(m *method) bool {
	return !m.emergency && (r.requests.Limits() || m.care.first && r.changes.Limits())
}

// tooOften refuses a request of a uid that asks too often, and returns nil for
// others. Root and the daemon's user could do worse than ask.
func (s *Server) tooOften(c *call, m *method) *fault.Error {
	uid := c.who.UID
	if uid == 0 || uid == s.policy.DaemonUID {
		return nil
	}
	now, what := time.Now(), "requests"
	wait, ok := s.rates.requests.Allow(uid, now)
	if ok && m.care.first {
		what = "changes"
		wait, ok = s.rates.changes.Allow(uid, now)
	}
	if ok {
		return nil
	}
	s.rates.refused.note(refusal{who: c.who, action: m.action, form: c.form})
	wait = (wait + time.Millisecond - 1).Truncate(time.Millisecond)
	return fault.E(fault.CodeRateLimited, "too many %s from uid %d", what, uid).
		WithHint("try again in %s; [limits] of the daemon's configuration says how many there may be", wait)
}

// recordRefused tells the daemon's log and the audit log of refused requests.
func (s *Server) recordRefused(r refusal) {
	s.log.Warn("too many requests", "uid", r.who.UID, "pid", r.who.PID, "action", string(r.action), "refused", r.count, "several_uids", r.several)
	if s.trail != nil {
		s.trail.refused(r)
	}
}

// refusal is one refused request, or the last of several.
type refusal struct {
	who     *policy.Principal
	action  policy.Action
	form    Form
	count   int
	several bool // of other uids too
}

// refusals turn a flood of refused requests into one record a second for each
// uid, which says how many there were: the first is told at once, those after
// it with the next second. None is left uncounted.
type refusals struct {
	record func(refusal)

	mu     sync.Mutex // guards what follows
	byUser map[uint32]*refusedUser
	closed bool
	tasks  sync.WaitGroup
}

type refusedUser struct {
	last  refusal // its count is of those not told yet
	timer *time.Timer
}

// severalUsers stands for the uids that there is no room for; (uid_t)-1 is nobody.
const severalUsers = ^uint32(0)

func newRefusals(record func(refusal)) *refusals {
	return &refusals{record: record, byUser: make(map[uint32]*refusedUser)}
}

// note counts one refused request.
func (r *refusals) note(one refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	uid := one.who.UID
	u := r.byUser[uid]
	if u == nil && len(r.byUser) >= quota.MaxPrincipals {
		uid, one.several = severalUsers, true
		u = r.byUser[uid]
	}
	if u != nil {
		one.count = u.last.count + 1
		u.last = one
		return
	}
	u = &refusedUser{last: one}
	r.byUser[uid] = u
	if r.closed {
		return
	}
	u.timer = time.AfterFunc(time.Second, func() { r.tell(uid) })
	one.count = 1
	r.tasks.Go(func() { r.record(one) }) // not here: the log may take its time
}

// tell records what has come in the second that is over, and begins another.
func (r *refusals) tell(uid uint32) {
	r.mu.Lock()
	u := r.byUser[uid]
	if r.closed || u == nil {
		r.mu.Unlock()
		return
	}
	one := u.last
	if one.count == 0 {
		delete(r.byUser, uid)
		r.mu.Unlock()
		return
	}
	u.last.count = 0
	u.timer.Reset(time.Second)
	r.tasks.Add(1)
	r.mu.Unlock()
	defer r.tasks.Done()
	r.record(one)
}

// close records what was not told yet.
func (r *refusals) close() {
	r.mu.Lock()
	r.closed = true
	rest := make([]refusal, 0, len(r.byUser))
	for _, u := range r.byUser {
		if u.timer != nil {
			u.timer.Stop()
		}
		if u.last.count > 0 {
			rest = append(rest, u.last)
			u.last.count = 0
		}
	}
	r.mu.Unlock()
	r.tasks.Wait()
	for _, one := range rest {
		r.record(one)
	}
}
