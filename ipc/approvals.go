package ipc

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// How long requests wait for approval, and how many. docs/POLICY.md tells of them.
const (
	approvalWaits = time.Hour // for a decision
	approvalLasts = time.Hour // from the decision: approved until used, or rejected

	maxApprovals        = 256
	adminApprovals      = 64 // of them are kept for requests of administrators
	maxApprovalsPerUser = 16
)

// The states of an approval. One that is used is gone.
const (
	approvalWaiting  = "waiting"
	approvalApproved = "approved"
	approvalRejected = "rejected"
)

// asked is what makes two requests the same: who asks for what, to the byte.
// Who has a used uid has another name, see package binding.
type asked struct {
	uid    uint32
	user   string
	method uint16
	sum    [sha256.Size]byte // of the request without its secrets
}

// approval is a request that a grant puts under four eyes.
type approval struct {
	asked
	id                 string
	who                *policy.Principal
	action             policy.Action
	resource           policy.Resource
	details            string // what else the request says, in JSON and without secrets
	grant              string // that asks for the approval
	state              string
	requested, expires time.Time
	decidedBy          string
	decider            *policy.Principal // as it was then
}

// approvals are the requests that wait for a second administrator, and what was
// decided on them. They are in memory only: a restart forgets them. All methods
// are safe for concurrent use; what they return are copies.
type approvals struct {
	now func() time.Time

	mu      sync.Mutex // guards what follows
	all     map[string]*approval
	same    map[asked]*approval
	decided chan struct{} // closed, and replaced, at every decision
}

func newApprovals() *approvals {
	return &approvals{
		now: time.Now, all: make(map[string]*approval), same: make(map[asked]*approval), decided: make(chan struct{}),
	}
}

// sweep forgets what has expired and returns the time. The caller holds a.mu.
func (a *approvals) sweep() time.Time {
	now := a.now()
	for _, p := range a.all {
		if !now.Before(p.expires) {
			a.forget(p)
		}
	}
	return now
}

// forget drops p. The caller holds a.mu.
func (a *approvals) forget(p *approval) {
	delete(a.all, p.id)
	delete(a.same, p.asked)
}

// file puts a request before the administrators. If the same one is there
// already, that is what it returns, whatever its state.
func (a *approvals) file(p approval, admin bool) (approval, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.sweep()
	if old := a.same[p.asked]; old != nil {
		return *old, nil
	}
	own := 0
	for _, other := range a.all {
		if other.uid == p.uid {
			own++
		}
	}
	room := maxApprovals
	if !admin {
		room -= adminApprovals
	}
	switch {
	case own >= maxApprovalsPerUser:
		return approval{}, fault.E(fault.CodeQuotaExceeded, "you have %d requests that need approval, and can't have more", own).
			WithHint("use or wait for those that 'vaultctl approval list' shows")
	case len(a.all) >= room:
		return approval{}, fault.E(fault.CodeBusy, "too many requests wait for approval").WithHint("try again when some are decided")
	}
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	p.id, p.state, p.requested, p.expires = hex.EncodeToString(id[:]), approvalWaiting, now, now.Add(approvalWaits)
	a.all[p.id], a.same[p.asked] = &p, &p
	return p, nil
}

// has reports whether a request is approved. If who approved could not approve
// any more, it waits again.
func (a *approvals) has(r asked, still func(*policy.Principal) bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.sweep()
	p := a.same[r]
	if p == nil || p.state != approvalApproved {
		return false
	}
	if !still(p.decider) {
		p.state, p.decidedBy, p.decider, p.expires = approvalWaiting, "", nil, now.Add(approvalWaits)
		return false
	}
	return true
}

// take takes the approval of a request away, so that one request passes by it.
func (a *approvals) take(r asked) (approval, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sweep()
	p := a.same[r]
	if p == nil || p.state != approvalApproved {
		return approval{}, false
	}
	a.forget(p)
	return *p, true
}

// decide approves or rejects. The requester can't; who else may is decided before.
// What is approved can still be rejected until it is used, and not the other
// way round.
func (a *approvals) decide(id, state string, who *policy.Principal, by string) (approval, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.sweep()
	p := a.all[id]
	switch {
	case p == nil:
		return approval{}, noApproval(id)
	case p.uid == who.UID:
		return approval{}, fault.E(fault.CodePermissionDenied, "this is your own request").About(id).
			WithHint("it takes an administrator with another uid than %d", p.uid)
	case p.state == state:
		return *p, nil
	case p.state == approvalRejected:
		return approval{}, rejected(p)
	}
	p.state, p.decidedBy, p.decider, p.expires = state, by, who, now.Add(approvalLasts)
	close(a.decided)
	a.decided = make(chan struct{})
	return *p, nil
}

// await returns the approval of that id, after a decision or after wait. Only
// what visible admits is there.
func (a *approvals) await(ctx context.Context, id string, wait time.Duration, visible func(*approval) bool) (approval, bool) {
	limit, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		a.mu.Lock()
		a.sweep()
		p, decided := a.all[id], a.decided
		if p == nil || !visible(p) {
			a.mu.Unlock()
			return approval{}, false
		}
		now := *p
		a.mu.Unlock()
		if now.state != approvalWaiting || limit.Err() != nil {
			return now, true
		}
		select {
		case <-decided:
		case <-limit.Done():
		}
	}
}

// list are the approvals that visible admits, the oldest request first.
func (a *approvals) list(visible func(*approval) bool) []approval {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sweep()
	var some []approval
	for _, p := range a.all {
		if visible(p) {
			some = append(some, *p)
		}
	}
	slices.SortFunc(some, func(p, q approval) int {
		return cmp.Or(p.requested.Compare(q.requested), cmp.Compare(p.id, q.id))
	})
	return some
}

// waiting is how many requests wait for a decision.
func (a *approvals) waiting() int {
	return len(a.list(func(p *approval) bool { return p.state == approvalWaiting }))
}

func noApproval(id string) error {
	return fault.E(fault.CodeApprovalNotFound, "no request %q needs approval", clip(id)).
		WithHint("it was used, it has expired, or the daemon was restarted; 'vaultctl approval list' shows what there is")
}

func rejected(p *approval) error {
	return fault.E(fault.CodeApprovalRejected, "%s rejected the request", p.decidedBy).About(p.id).
		WithHint("it can be made again from %s on", p.expires.Format("15:04:05 MST"))
}
