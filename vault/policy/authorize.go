package policy

import "sync/atomic"

// Authorize is [Policy.Decide] without attributes.
func (p *Policy) Authorize(who *Principal, a Action, r Resource) Decision {
	return p.Decide(who, a, r, nil)
}

// Decide decides whether who may do a to r. It looks nothing up, so that the
// answer for a foreign namespace is the same whether or not the key exists. A
// resource without an owner is the whole vault, which belongs to administrators
// only. An allow by a grant that counts its uses counts one.
//
// In this order: what is public, root and the daemon's user are allowed; a
// changed principal is denied; an explicit deny denies whom the rest would
// allow; administrators and the owner are allowed; a grant allows; all else is
// denied. An approval is asked for only where it helps.
func (p *Policy) Decide(who *Principal, a Action, r Resource, at *Attributes) Decision {
	s := p.set.Load()
	q := question{who: who, res: r, at: at, pol: p}
	if s == nil || who == nil {
		return q.decide(a, nil, nil, nil)
	}
	var room [2][16]*bucket
	return q.decide(a, s, s.deny.about(who, room[0][:0]), s.allow.about(who, room[1][:0]))
}

func (q *question) decide(a Action, s *Set, deny, allow []*bucket) Decision {
	row, ok := byAction[a]
	p, who := q.pol, q.who
	if !ok || who == nil {
		return Decision{Rule: RuleDefault}
	}
	if row.Scope == ScopePublic {
		return Decision{Allowed: true, Rule: RulePublic}
	}
	if by, ok := p.isSupreme(who); ok {
		return Decision{Allowed: true, Rule: by}
	}
	if who.Changed {
		return Decision{Rule: RuleChanged}
	}
	q.bit = row.bit
	counts := s != nil && s.counts
	if len(deny) > 0 && row.bit != 0 {
		if d, denied := q.denied(deny); denied {
			// Whoever would be denied anyway is denied for that, and learns
			// nothing of who has to approve what, nor of labels and types of
			// other people's keys that the deny asks for.
			q.dry = true
			if other := q.permitted(row, allow, counts); !other.Allowed && other.Rule != RuleFourEyes {
				return other
			}
			return d
		}
	}
	return q.permitted(row, allow, counts)
}

// permitted decides what no deny has decided.
func (q *question) permitted(row row, allow []*bucket, counts bool) Decision {
	who := q.who
	if by, ok := q.pol.IsAdmin(who); ok {
		return Decision{Allowed: true, Rule: by}
	}
	if row.Scope != ScopeOwner || q.res.Owner == "" {
		return Decision{Rule: RuleDefault}
	}
	if q.res.Owner == who.User {
		return Decision{Allowed: true, Rule: RuleOwner}
	}
	if len(allow) == 0 || row.bit == 0 {
		return Decision{Rule: RuleDefault}
	}
	return q.allowed(allow, counts)
}

// denied looks for a deny. One that four eyes lift counts only if there is no
// other, so that an approval is asked for only where it helps.
func (q *question) denied(buckets []*bucket) (Decision, bool) {
	var waiting *rule
	for _, b := range buckets {
		for _, rules := range b.lists(q.res) {
			for _, r := range rules {
				switch {
				case r.matches(q) == no:
				case !r.grant.FourEyes:
					return Decision{Rule: RuleDeny, Grant: r.grant.ID}, true
				case !q.approved() && (waiting == nil || r.grant.ID < waiting.grant.ID):
					waiting = r
				}
			}
		}
	}
	if waiting == nil {
		return Decision{}, false
	}
	return Decision{Rule: RuleFourEyes, Grant: waiting.grant.ID}, true
}

// allowed looks for an allow: first one without limits, so that no use is
// counted without need, then one with, then one that waits for approval.
func (q *question) allowed(buckets []*bucket, counts bool) Decision {
	var waiting, exhausted *rule
	for pass := range 2 {
		for _, b := range buckets {
			for _, rules := range b.lists(q.res) {
				for _, r := range rules {
					if (r.limit != nil) != (pass == 1) || r.matches(q) != yes {
						continue
					}
					switch {
					case r.grant.FourEyes && !q.approved() && (r.limit == nil || r.limit.take(r.grant, q.when(), true)):
						waiting = r
					case r.grant.FourEyes && !q.approved():
						exhausted = r // an approval would not help
					case r.limit == nil || r.limit.take(r.grant, q.when(), q.dry):
						return Decision{Allowed: true, Rule: RuleGrant, Grant: r.grant.ID}
					default:
						exhausted = r
					}
				}
			}
		}
		if !counts {
			break
		}
	}
	switch {
	case waiting != nil:
		return Decision{Rule: RuleFourEyes, Grant: waiting.grant.ID}
	case exhausted != nil:
		return Decision{Rule: RuleExhausted, Grant: exhausted.grant.ID}
	}
	return Decision{Rule: RuleDefault}
}

// Caller is one principal with what a policy says of it looked up, for the
// life of a connection. It follows every [Policy.Install] by itself. It is safe
// for concurrent use.
type Caller struct {
	policy *Policy
	who    *Principal
	found  atomic.Pointer[found]
}

// found is what one set says of one principal.
type found struct {
	set         *Set
	deny, allow []*bucket
}

// Caller returns a Caller for who, which must not change afterwards.
func (p *Policy) Caller(who *Principal) *Caller { return &Caller{policy: p, who: who} }

// Principal is who calls.
func (c *Caller) Principal() *Principal { return c.who }

// Decide is [Policy.Decide] for the caller.
func (c *Caller) Decide(a Action, r Resource, at *Attributes) Decision {
	s := c.policy.set.Load()
	q := question{who: c.who, res: r, at: at, pol: c.policy}
	if s == nil || c.who == nil {
		return q.decide(a, nil, nil, nil)
	}
	f := c.found.Load()
	if f == nil || f.set != s {
		f = &found{s, s.deny.about(c.who, nil), s.allow.about(c.who, nil)}
		c.found.Store(f)
	}
	return q.decide(a, s, f.deny, f.allow)
}
