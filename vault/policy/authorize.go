package policy

// Authorize decides whether who may do a to r. It looks nothing up, so that
// the answer for a foreign namespace is the same whether or not the key
// exists. A resource without an owner is the whole vault, which belongs to
// administrators only.
func (p *Policy) Authorize(who *Principal, a Action, r Resource) Decision {
	rule, known := byAction[a]
	if !known || who == nil {
		return Decision{Rule: "default-deny"}
	}
	if rule.Scope == ScopePublic {
		return Decision{Allowed: true, Rule: "public"}
	}
	if by, ok := p.IsAdmin(who); ok {
		return Decision{Allowed: true, Rule: by}
	}
	if rule.Scope == ScopeOwner && who.User != "" && r.Owner == who.User {
		return Decision{Allowed: true, Rule: "owner"}
	}
	return Decision{Rule: "default-deny"}
}
