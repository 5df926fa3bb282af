package policy

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Explanation is a decision with its reasons.
type Explanation struct {
	Decision
	Generation uint64 // of the set that decided, zero without one
	Hash       [sha256.Size]byte
	// Closest is the grant that decided, or else the allow that came closest
	// to it; nil where there is none.
	Closest *Grant
	// Missing is what Closest asks for and did not get, empty when it decided
	// by itself.
	Missing []Missing
}

// Missing is one thing that a grant asks for and that is not so.
type Missing struct {
	Attribute string `json:"attribute"` // field of the grant: "unit"
	Want      string `json:"want"`
	Have      string `json:"have"` // "unknown" when nobody can tell, empty for none
}

func (m Missing) String() string {
	if m.Have == "" {
		return fmt.Sprintf("%s: wants %s", m.Attribute, m.Want)
	}
	return fmt.Sprintf("%s: wants %s, is %s", m.Attribute, m.Want, m.Have)
}

// Explain decides as [Policy.Decide] does, counts no use, and says why. It
// takes time in proportion to the number of grants.
func (p *Policy) Explain(who *Principal, a Action, r Resource, at *Attributes) Explanation {
	q := question{who: who, res: r, at: at, pol: p, dry: true}
	return q.explain(p.set.Load(), a)
}

func (q *question) explain(s *Set, a Action) Explanation {
	who, r := q.who, q.res
	if s == nil || who == nil {
		return Explanation{Decision: q.decide(a, nil, nil, nil)}
	}
	e := Explanation{Generation: s.generation, Hash: s.hash}
	e.Decision = q.decide(a, s, s.deny.about(who, nil), s.allow.about(who, nil))
	switch {
	case e.Grant != "":
		if g, ok := s.Grant(e.Grant); ok {
			e.Closest = &g
		}
		switch e.Rule {
		case RuleFourEyes:
			e.Missing = []Missing{{"four_eyes", "the approval of a second administrator", ""}}
		case RuleExhausted:
			e.Missing = []Missing{{"uses", usesText(e.Closest), "used up"}}
		}
	case !e.Allowed && q.bit != 0 && e.Rule == RuleDefault && r.Owner != "":
		e.Closest, e.Missing = s.closest(q)
	}
	return e
}

// closest is the allow with the least weight of things missing; of two alike,
// the one with the smaller id.
func (s *Set) closest(q *question) (*Grant, []Missing) {
	var best *Grant
	var missing []Missing
	least := 0
	for i := range s.rules {
		r := &s.rules[i]
		if r.grant == nil || r.grant.Effect != Allow {
			continue
		}
		lacks := r.missing(q)
		weight := 0
		for _, m := range lacks {
			weight += weigh(m.Attribute)
		}
		if best == nil || weight < least {
			g := *r.grant
			best, missing, least = &g, lacks, weight
		}
	}
	return best, missing
}

// weigh makes a grant for somebody else further away than one for other keys,
// and that further than one with another condition.
func weigh(attribute string) int {
	switch attribute {
	case "user", "uid", "group":
		return 100
	case "keys":
		return 30
	case "verbs":
		return 10
	}
	return 3
}

// ForCaller is what the caller itself may learn: nothing of a grant that is for
// somebody else or on other keys, and nothing of a key's type and labels.
func (e Explanation) ForCaller() Explanation {
	mine := e.Closest != nil
	e.Missing = slices.Clone(e.Missing)
	for i, m := range e.Missing {
		switch m.Attribute {
		case "user", "uid", "group", "keys":
			mine = false
		case "types", "labels":
			e.Missing[i].Have = ""
		}
	}
	if !mine {
		e.Closest, e.Missing = nil, nil
	}
	return e
}

// missing is everything the rule asks for that is not certain, apart from
// counted uses and approvals. It is empty exactly when matches says yes.
func (r *rule) missing(q *question) []Missing {
	var all []Missing
	lack := func(attribute, want, have string) { all = append(all, Missing{attribute, want, have}) }
	g := r.grant
	if r.bits&q.bit == 0 {
		lack("verbs", "one of "+strings.Join(g.Verbs, ", "), strings.Join(q.bit.names(), ", "))
	}
	if !r.covers(q.res) {
		lack("keys", "one of "+strings.Join(g.Keys, ", "), q.res.String())
	}
	all = append(all, r.missingSubject(q.who)...)
	if len(g.Types) > 0 || len(r.labels) > 0 {
		switch {
		case q.res.Key == "":
			lack("keys", "one key, since the grant is for keys of some type or label", q.res.String())
		case q.at == nil:
			lack("types", "the key's type and labels", "unknown")
		default:
			if len(g.Types) > 0 && !slices.Contains(g.Types, q.at.Type) {
				lack("types", "one of "+strings.Join(g.Types, ", "), q.at.Type)
			}
			for i := range r.labels {
				if r.labels[i].in(q.at.Labels, q.who) != yes {
					lack("labels", g.Labels[i], "")
				}
			}
		}
	}
	for i := range r.context {
		switch {
		case q.at == nil:
			lack("context", g.Context[i], "unknown")
		case r.context[i].in(q.at.Context, q.who) != yes:
			lack("context", g.Context[i], valueOf(q.at.Context, r.context[i].name))
		}
	}
	if !g.NotBefore.IsZero() && q.when().Before(g.NotBefore) {
		lack("not_before", g.NotBefore.Format(time.RFC3339), q.when().Format(time.RFC3339))
	}
	if !g.NotAfter.IsZero() && !q.when().Before(g.NotAfter) {
		lack("not_after", g.NotAfter.Format(time.RFC3339), q.when().Format(time.RFC3339))
	}
	return all
}

func (r *rule) missingSubject(who *Principal) []Missing {
	var all []Missing
	lack := func(attribute, want, have string) {
		if have == "" {
			have = "unknown"
		}
		all = append(all, Missing{attribute, want, have})
	}
	unit := func(name string) string {
		if name == "" && who.UnitKnown {
			return "none"
		}
		return name
	}
	s := &r.grant.Subject
	if s.UID != nil && *s.UID != who.UID {
		lack("uid", fmt.Sprint(*s.UID), fmt.Sprint(who.UID))
	}
	if s.User != "" && s.User != who.User {
		lack("user", s.User, who.User)
	}
	if r.byGID && r.group(who) != yes {
		name := s.Group
		if name == "" {
			name = fmt.Sprint(r.gid)
		}
		have := "in other groups"
		if who.Groups == nil {
			have = "unknown"
		}
		lack("group", name, have)
	}
	if s.Unit != "" && s.Unit != who.Unit {
		lack("unit", s.Unit, unit(who.Unit))
	}
	if s.UserUnit != "" && s.UserUnit != who.UserUnit {
		lack("user_unit", s.UserUnit, unit(who.UserUnit))
	}
	if s.Exe != "" && s.Exe != who.Exe {
		lack("exe", s.Exe, who.Exe)
	}
	if s.Label != "" && s.Label != who.Label {
		lack("label", s.Label, who.Label)
	}
	if p := s.Process; p != nil && (p.PID != who.PID || p.Started != who.Started) {
		have := ""
		if who.PID != 0 && who.Started != 0 {
			have = fmt.Sprintf("%d, begun at %d", who.PID, who.Started)
		}
		lack("process", fmt.Sprintf("%d, begun at %d", p.PID, p.Started), have)
	}
	return all
}

func valueOf(pairs []Pair, name string) string {
	for _, p := range pairs {
		if p.Name == name {
			return p.Value
		}
	}
	return "not given"
}

func usesText(g *Grant) string {
	switch {
	case g == nil:
		return ""
	case g.TotalUses != 0 && g.Uses != 0:
		return fmt.Sprintf("at most %d uses per %v and %d in all", g.Uses, g.Per, g.TotalUses)
	case g.TotalUses != 0:
		return fmt.Sprintf("at most %d uses", g.TotalUses)
	}
	return fmt.Sprintf("at most %d uses per %v", g.Uses, g.Per)
}

// String is "owner/name", "owner/" for a namespace, and "the vault".
func (r Resource) String() string {
	if r.Owner == "" {
		return "the vault"
	}
	return r.Owner + "/" + r.Key
}
