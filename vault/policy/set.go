package policy

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Set is grants made ready for decisions. It never changes, and neither may
// what the slices of the grants that it was made of hold.
type Set struct {
	grants     []Grant
	rules      []rule // by position in grants
	deny       index
	allow      index
	counts     bool // some allow counts its uses
	attributes bool // some grant asks for attributes
	warnings   []*Flaw
	hash       [sha256.Size]byte
	generation uint64
}

// Machine is what compiling asks the system it is for.
type Machine struct {
	// GroupID finds a group by name. An error means that the account database
	// did not answer: the set is then not made, since a deny would be missing
	// from it. Nil knows no group.
	GroupID func(name string) (gid uint32, found bool, err error)
	// KeyType reports whether there is such a type of key. Nil knows all.
	KeyType func(name string) bool
	// Uses counts the uses of grants that limit them. Nil counts from zero, in memory.
	Uses *Uses
}

// Compile makes a set of the grants, all or nothing. The error joins every
// [*Flaw] found. A group that the machine does not have is a warning of the
// set: nobody is in it, so the grant is about nobody.
func Compile(grants []Grant, m Machine) (*Set, error) {
	if len(grants) > MaxGrants {
		return nil, fmt.Errorf("%d grants; there can be at most %d", len(grants), MaxGrants)
	}
	s := &Set{grants: slices.Clone(grants)}
	slices.SortStableFunc(s.grants, func(a, b Grant) int { return cmp.Compare(a.ID, b.ID) })
	s.rules = make([]rule, len(s.grants))
	c := compiler{set: s, machine: m, groups: map[string]group{}}
	if m.Uses == nil {
		c.machine.Uses = &Uses{}
	}
	for i := range s.grants {
		c.add(i)
	}
	if len(c.problems) > 0 {
		return nil, errors.Join(c.problems...)
	}
	s.hash = c.hash()
	return s, nil
}

type compiler struct {
	set      *Set
	machine  Machine
	groups   map[string]group
	problems []error
}

type group struct {
	gid   uint32
	found bool
	err   error
}

func (c *compiler) add(i int) {
	g := &c.set.grants[i]
	flaws := g.Validate()
	flaw := func(field, format string, args ...any) {
		flaws = append(flaws, &Flaw{g.ID, g.Source, field, fmt.Sprintf(format, args...)})
	}
	if i > 0 && c.set.grants[i-1].ID == g.ID {
		flaw("id", "%s is the id of another grant", g.ID)
	}
	for _, t := range g.Types {
		if c.machine.KeyType != nil && !c.machine.KeyType(t) {
			flaw("types", "%q is no type of key", clip(t))
		}
	}
	applies := true
	if g.Group != "" {
		var err error
		if applies, err = c.group(i); err != nil {
			flaw("group", "%v", err)
		}
	}
	for _, f := range flaws {
		c.problems = append(c.problems, f)
	}
	if len(flaws) == 0 && applies {
		c.rule(i)
	}
}

// group finds the rule's group and reports whether somebody can be in it.
func (c *compiler) group(i int) (bool, error) {
	g := &c.set.grants[i]
	found, asked := c.groups[g.Group]
	if !asked {
		if c.machine.GroupID != nil {
			found.gid, found.found, found.err = c.machine.GroupID(g.Group)
		}
		c.groups[g.Group] = found
	}
	switch {
	case found.err != nil:
		return false, fmt.Errorf("find group %q: %w", g.Group, found.err)
	case !found.found:
		c.warn(g, "group", fmt.Sprintf("there is no group %q on this machine, so the grant is about nobody", g.Group))
		return false, nil
	case g.GID != nil && *g.GID != found.gid:
		c.warn(g, "group", fmt.Sprintf("group %q has the gid %d, not %d, so the grant is about nobody", g.Group, found.gid, *g.GID))
		return false, nil
	}
	c.set.rules[i].gid, c.set.rules[i].byGID = found.gid, true
	return true, nil
}

func (c *compiler) warn(g *Grant, field, what string) {
	c.set.warnings = append(c.set.warnings, &Flaw{g.ID, g.Source, field, what})
}

// rule makes the rule of a grant that is known to be valid, and indexes it.
func (c *compiler) rule(i int) {
	g, r := &c.set.grants[i], &c.set.rules[i]
	r.grant = g
	for _, v := range g.Verbs {
		r.bits |= byVerb[v]
	}
	if g.Effect == Allow {
		r.bits &^= onlyDenied
	}
	if g.GID != nil {
		r.gid, r.byGID = *g.GID, true
	}
	for _, k := range g.Keys {
		p, _ := parsePattern(k)
		r.patterns = append(r.patterns, p)
	}
	for _, l := range g.Labels {
		name, value, given := strings.Cut(l, "=")
		r.labels = append(r.labels, want{name: name, value: value, any: !given})
	}
	for _, w := range g.Context {
		parsed, _ := parseWant(w)
		r.context = append(r.context, parsed)
	}
	c.set.attributes = c.set.attributes || len(r.labels)+len(r.context)+len(g.Types) > 0
	if g.limited() {
		r.limit = c.machine.Uses.counter(g)
		c.set.counts = true
	}
	if g.Effect == Deny {
		c.set.deny.add(r, true)
	} else {
		c.set.allow.add(r, false)
	}
}

// hash is over the grants and over what their groups stand for here.
func (c *compiler) hash() (sum [sha256.Size]byte) {
	h := sha256.New()
	encoder := json.NewEncoder(h)
	for i := range c.set.grants {
		g, r := c.set.grants[i], &c.set.rules[i]
		g.Source = Source{} // where a grant stands does not change what it means
		// Writing to a hash can't fail, nor can encoding what was validated.
		_ = encoder.Encode(g)
		_ = encoder.Encode([]any{r.grant != nil, r.byGID, r.gid})
	}
	h.Sum(sum[:0])
	return sum
}

// Generation counts the sets in force so far that differed from the one before
// them; it is zero before [Policy.Install].
func (s *Set) Generation() uint64 { return s.generation }

// Hash is the SHA-256 of what the set means: its grants without where they come
// from, and the groups they are about. The order of grants does not matter.
func (s *Set) Hash() [sha256.Size]byte { return s.hash }

// Grants is a copy of the grants, in the order of their ids.
func (s *Set) Grants() []Grant { return slices.Clone(s.grants) }

// Grant finds a grant by its id.
func (s *Set) Grant(id string) (Grant, bool) {
	i, ok := slices.BinarySearchFunc(s.grants, id, func(g Grant, id string) int { return cmp.Compare(g.ID, id) })
	if !ok {
		return Grant{}, false
	}
	return s.grants[i], true
}

// Warnings are what the set has that can't be meant so.
func (s *Set) Warnings() []*Flaw { return slices.Clone(s.warnings) }

// NeedsAttributes reports whether some grant asks for a key's type or labels,
// or for a context. Where none does, a caller need not gather them.
func (s *Set) NeedsAttributes() bool { return s != nil && s.attributes }

// CountsUses reports whether some grant bounds how often it is used. Where one
// does, each use has to be decided by itself.
func (s *Set) CountsUses() bool { return s != nil && s.counts }

// Processes are the living processes that grants are bound to. Whoever keeps
// the grants removes each when its process has ended.
func (s *Set) Processes() []Process {
	var all []Process
	for i := range s.grants {
		if p := s.grants[i].Process; p != nil && !slices.Contains(all, *p) {
			all = append(all, *p)
		}
	}
	return all
}
