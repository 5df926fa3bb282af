package ipc

import (
	"context"
	"sync"

	"github.com/vaultd/vaultd/vault/fault"
)

// rank orders callers by how much of the reserve they may use.
type rank uint8

const (
	rankUser rank = iota
	rankAdmin
	rankRoot
)

// admission counts what each uid holds of the daemon, and refuses more than
// the limits allow. An entry lives as long as its uid holds anything.
type admission struct {
	slots  *turns // for expensive computations
	admins *turns // the same, for administrators

	mu     sync.Mutex // guards what follows
	limits Limits
	total  holding
	byUser map[uint32]*holding
}

type holding struct {
	connections int
	memory      int
	expensive   int // running and waiting
}

func newAdmission(l Limits) *admission {
	return &admission{
		limits: l,
		slots:  newTurns(l.Expensive),
		admins: newTurns(1),
		byUser: make(map[uint32]*holding),
	}
}

// setLimits puts other limits in force. What is held stays held.
func (a *admission) setLimits(l Limits) {
	a.mu.Lock()
	a.limits = l
	a.mu.Unlock()
	a.slots.set(l.Expensive)
}

// admit takes a connection for uid, or reports that there is none left.
func (a *admission) admit(uid uint32, r rank) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	limit := a.limits.Connections
	switch r {
	case rankUser:
		limit -= a.limits.ReservedConnections
	case rankAdmin:
		limit -= a.limits.ReservedConnections / 2
	case rankRoot:
	}
	h := a.of(uid)
	if a.total.connections >= limit || r != rankRoot && h.connections >= a.limits.ConnectionsPerUser {
		a.forget(uid, h)
		return false
	}
	a.total.connections++
	h.connections++
	return true
}

// leave gives a connection back.
func (a *admission) leave(uid uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	h := a.of(uid)
	a.total.connections--
	h.connections--
	a.forget(uid, h)
}

// open is how many connections there are.
func (a *admission) open() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.total.connections
}

// grow takes memory for messages, or gives it back when delta is negative.
func (a *admission) grow(uid uint32, r rank, delta int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	h := a.of(uid)
	if delta > 0 {
		over := a.total.memory+delta > a.limits.Memory && r == rankUser
		over = over || h.memory+delta > a.limits.MemoryPerUser && r != rankRoot
		if over {
			a.forget(uid, h)
			return false
		}
	}
	a.total.memory += delta
	h.memory += delta
	a.forget(uid, h)
	return true
}

// expensive waits for its turn to compute something slow and returns how to
// end it. It returns busy when uid waits for enough already, or when ctx ends first.
func (a *admission) expensive(ctx context.Context, uid uint32, r rank) (func(), error) {
	a.mu.Lock()
	h := a.of(uid)
	if h.expensive >= a.limits.ExpensivePerUser {
		a.forget(uid, h)
		a.mu.Unlock()
		return nil, busy("too many slow requests of this user are waiting")
	}
	h.expensive++
	a.mu.Unlock()

	slots := a.slots
	if r != rankUser {
		slots = a.admins
	}
	done := func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		h := a.of(uid)
		h.expensive--
		a.forget(uid, h)
	}
	if !slots.take(ctx) {
		done()
		return nil, busy("the daemon is busy with slow requests")
	}
	return func() { slots.give(); done() }, nil
}

// of finds or makes the entry of uid; mu is held.
func (a *admission) of(uid uint32) *holding {
	h := a.byUser[uid]
	if h == nil {
		h = new(holding)
		a.byUser[uid] = h
	}
	return h
}

// forget drops an entry that holds nothing; mu is held.
func (a *admission) forget(uid uint32, h *holding) {
	if *h == (holding{}) {
		delete(a.byUser, uid)
	}
}

func busy(what string) error {
	return fault.E(fault.CodeBusy, "%s", what).WithHint("try again in a moment")
}
