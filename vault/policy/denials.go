package policy

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"sync"
	"time"
)

// MaxDenials is how many denials a [Denials] remembers, the latest ones.
const MaxDenials = 1024

// Denial is a request that was denied.
type Denial struct {
	ID       string // 16 hexadecimal characters
	At       time.Time
	Who      *Principal
	Action   Action
	Resource Resource
	Decision Decision

	known bool // attributes were
	at    Attributes
	set   *Set
}

// Denials remembers what was denied, so that it can be explained afterwards
// with the policy that was in force. It is safe for concurrent use.
type Denials struct {
	policy *Policy

	mu   sync.Mutex // guards what follows
	ring []Denial
	next int
}

// NewDenials remembers the denials of p.
func NewDenials(p *Policy) *Denials { return &Denials{policy: p} }

// Note remembers a denial that was just decided and returns its id. The
// principal must not change afterwards.
func (d *Denials) Note(who *Principal, a Action, r Resource, at *Attributes, decision Decision) string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails
	n := Denial{
		ID: hex.EncodeToString(id[:]), At: d.policy.now(), Who: who, Action: a, Resource: r, Decision: decision,
		set: d.policy.set.Load(),
	}
	if at != nil { // the caller uses its room again
		n.known, n.at = true, *at
		n.at.Labels, n.at.Context = slices.Clone(at.Labels), slices.Clone(at.Context)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.ring) < MaxDenials {
		d.ring = append(d.ring, n)
		return n.ID
	}
	d.ring[d.next] = n
	d.next = (d.next + 1) % MaxDenials
	return n.ID
}

// Find returns the denial of that id with its reasons, false when it is not
// remembered. Whether who asks may see it is the caller's to decide; what its
// own principal may see of the reasons is [Explanation.ForCaller].
func (d *Denials) Find(id string) (Denial, Explanation, bool) {
	d.mu.Lock()
	i := slices.IndexFunc(d.ring, func(n Denial) bool { return n.ID == id })
	if i < 0 {
		d.mu.Unlock()
		return Denial{}, Explanation{}, false
	}
	n := d.ring[i]
	d.mu.Unlock()
	at := n.at
	if at.At.IsZero() {
		at.At = n.At
	}
	q := question{who: n.Who, res: n.Resource, now: at.At, pol: d.policy, dry: true}
	if n.known {
		q.at = &at
	}
	e := q.explain(n.set, n.Action)
	e.Decision = n.Decision // uses may have been given back since
	return n, e, true
}
