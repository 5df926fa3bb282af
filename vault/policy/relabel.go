package policy

// Relabel decides whether who may give a key of that type other labels, beside the
// right to change it at all: not where that would lift a deny from who, or give it
// what a grant gives for labels. Otherwise whoever may update a key could undo
// what its labels hold back. Context, time and uses do not count here: they may
// be others when it is used.
func (c *Caller) Relabel(r Resource, kind string, before, after []Pair) Decision {
	s := c.policy.set.Load()
	if s == nil || c.who == nil {
		return Decision{Allowed: true, Rule: RuleDefault}
	}
	if by, ok := c.policy.isSupreme(c.who); ok {
		return Decision{Allowed: true, Rule: by}
	}
	was := question{who: c.who, res: r, pol: c.policy, at: &Attributes{Type: kind, Labels: before}}
	will := question{who: c.who, res: r, pol: c.policy, at: &Attributes{Type: kind, Labels: after}}
	if g := firstThat(s.deny.about(c.who, nil), r, func(rule *rule) bool {
		return rule.concerns(&was) != no && rule.concerns(&will) == no
	}); g != nil {
		return Decision{Rule: RuleDeny, Grant: g.ID}
	}
	if _, admin := c.policy.IsAdmin(c.who); admin || r.Owner == c.who.User {
		return Decision{Allowed: true, Rule: RuleOwner} // grants give it nothing
	}
	if g := firstThat(s.allow.about(c.who, nil), r, func(rule *rule) bool {
		return rule.concerns(&was) != yes && rule.concerns(&will) == yes
	}); g != nil {
		return Decision{Rule: RuleDefault, Grant: g.ID}
	}
	return Decision{Allowed: true, Rule: RuleDefault}
}

func firstThat(buckets []*bucket, res Resource, is func(*rule) bool) *Grant {
	for _, b := range buckets {
		for _, rules := range b.lists(res) {
			for _, r := range rules {
				if len(r.labels) > 0 && is(r) {
					return r.grant
				}
			}
		}
	}
	return nil
}

// concerns is the verdict on who and which key, whatever is done with it and when.
func (r *rule) concerns(q *question) verdict {
	if !r.covers(q.res) {
		return no
	}
	return min(r.subject(q.who), r.key(q))
}
