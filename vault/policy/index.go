package policy

// index finds the few rules that can be about a principal and a resource. A
// rule stands below one attribute of its subject, the one that fewest share.
type index struct {
	byUID  map[uint32]*bucket
	byUser map[string]*bucket
	byGID  map[uint32]*bucket
	any    *bucket

	// A deny holds for a principal of whom it is not known whether it is about
	// them, so that nobody escapes by being unknown.
	nameless  *bucket // denies by user name, for who has none
	groupless *bucket // denies by group, for whose groups are unknown
}

// bucket holds rules by the keys they are about.
type bucket struct {
	keys   map[Resource][]*rule // patterns without wild cards
	owners map[string][]*rule   // patterns with an owner, but with wild cards in the name
	rest   []*rule
}

func (x *index) add(r *rule, deny bool) {
	s := &r.grant.Subject
	switch {
	case s.UID != nil:
		into(&x.byUID, *s.UID).add(r)
	case s.User != "":
		into(&x.byUser, s.User).add(r)
		if deny {
			addTo(&x.nameless, r)
		}
	case r.byGID:
		into(&x.byGID, r.gid).add(r)
		if deny {
			addTo(&x.groupless, r)
		}
	default:
		addTo(&x.any, r)
	}
}

func into[K comparable](m *map[K]*bucket, k K) *bucket {
	if *m == nil {
		*m = make(map[K]*bucket)
	}
	b := (*m)[k]
	if b == nil {
		b = &bucket{}
		(*m)[k] = b
	}
	return b
}

func addTo(b **bucket, r *rule) {
	if *b == nil {
		*b = &bucket{}
	}
	(*b).add(r)
}

func (b *bucket) add(r *rule) {
	// A rule with a pattern for every owner is found by that one alone.
	for _, p := range r.patterns {
		if p.owner.kind != exact {
			b.rest = append(b.rest, r)
			return
		}
	}
	for _, p := range r.patterns {
		if p.key.kind == exact {
			if b.keys == nil {
				b.keys = make(map[Resource][]*rule)
			}
			at := Resource{p.owner.text, p.key.text}
			b.keys[at] = appendNew(b.keys[at], r)
			continue
		}
		if b.owners == nil {
			b.owners = make(map[string][]*rule)
		}
		b.owners[p.owner.text] = appendNew(b.owners[p.owner.text], r)
	}
}

// appendNew appends r unless it is the last already: one rule's patterns are
// added one after the other.
func appendNew(rules []*rule, r *rule) []*rule {
	if n := len(rules); n > 0 && rules[n-1] == r {
		return rules
	}
	return append(rules, r)
}

// about appends to found the buckets that can hold rules about who.
func (x *index) about(who *Principal, found []*bucket) []*bucket {
	if b := x.byUID[who.UID]; b != nil {
		found = append(found, b)
	}
	if who.User == "" {
		if x.nameless != nil {
			found = append(found, x.nameless)
		}
	} else if b := x.byUser[who.User]; b != nil {
		found = append(found, b)
	}
	if who.Groups == nil && x.groupless != nil {
		found = append(found, x.groupless)
	} else if len(x.byGID) > 0 {
		if b := x.byGID[who.GID]; b != nil {
			found = append(found, b)
		}
		for _, g := range who.Groups {
			if b := x.byGID[g]; b != nil && g != who.GID {
				found = append(found, b)
			}
		}
	}
	if x.any != nil {
		found = append(found, x.any)
	}
	return found
}

// lists are the rules of the bucket that can be about res.
func (b *bucket) lists(res Resource) [3][]*rule {
	return [3][]*rule{b.keys[res], b.owners[res.Owner], b.rest}
}
