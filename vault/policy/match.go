package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Pair is one name and value, of a context or of a key's labels.
type Pair struct{ Name, Value string }

// Attributes are what a decision may need beyond the names. Without any (a nil
// pointer) they are unknown: an allow that asks for one does not apply, and a
// deny that asks for one does.
type Attributes struct {
	Type    string // of the key, empty when there is no such key
	Labels  []Pair // of the key
	Context []Pair // of the request
	// Approved says that a second administrator approved exactly this request.
	Approved bool
	// At is the moment to decide for; zero is now.
	At time.Time
}

// verdict is whether one thing that a grant asks for is so.
type verdict uint8

const (
	no verdict = iota
	unknown
	yes
)

func is(b bool) verdict {
	if b {
		return yes
	}
	return no
}

// known is whether have is want, where an empty have may mean that nobody knows.
func known(have, want string, certain bool) verdict {
	if have == "" && !certain {
		return unknown
	}
	return is(have == want)
}

// question is what one decision is about.
type question struct {
	who *Principal
	bit verbs
	res Resource
	at  *Attributes
	now time.Time // zero until a grant asks
	pol *Policy
	dry bool // count no use
}

func (q *question) when() time.Time {
	if q.now.IsZero() {
		if q.at != nil && !q.at.At.IsZero() {
			q.now = q.at.At
		} else {
			q.now = q.pol.now()
		}
	}
	return q.now
}

func (q *question) approved() bool { return q.at != nil && q.at.Approved }

// rule is a grant as decisions read it.
type rule struct {
	grant *Grant
	bits  verbs
	gid   uint32 // of the group by name or number
	byGID bool

	patterns []pattern
	labels   []want
	context  []want
	limit    *counter // nil when uses are not counted
}

// matches is the least of the verdicts on everything the rule asks for but
// counted uses and approvals.
func (r *rule) matches(q *question) verdict {
	if r.bits&q.bit == 0 || !r.covers(q.res) {
		return no
	}
	v := r.subject(q.who)
	if v == no {
		return no
	}
	if v = min(v, r.key(q)); v == no {
		return no
	}
	if v = min(v, r.contexts(q)); v == no {
		return no
	}
	return min(v, r.inTime(q))
}

func (r *rule) covers(res Resource) bool {
	for i := range r.patterns {
		if r.patterns[i].covers(res) {
			return true
		}
	}
	return false
}

func (r *rule) subject(who *Principal) verdict {
	s, v := &r.grant.Subject, yes
	if s.UID != nil && *s.UID != who.UID {
		return no
	}
	if s.User != "" {
		v = min(v, known(who.User, s.User, false))
	}
	if r.byGID {
		v = min(v, r.group(who))
	}
	if v == no {
		return no
	}
	if s.Unit != "" {
		v = min(v, known(who.Unit, s.Unit, who.UnitKnown))
	}
	if s.UserUnit != "" {
		v = min(v, known(who.UserUnit, s.UserUnit, who.UnitKnown))
	}
	if s.Exe != "" {
		v = min(v, known(who.Exe, s.Exe, false))
	}
	if s.Label != "" {
		v = min(v, known(who.Label, s.Label, false))
	}
	if s.Process != nil {
		v = min(v, is(who.PID == s.Process.PID && who.Started == s.Process.Started))
	}
	return v
}

func (r *rule) group(who *Principal) verdict {
	if who.GID == r.gid || slices.Contains(who.Groups, r.gid) {
		return yes
	}
	if who.Groups == nil {
		return unknown
	}
	return no
}

// key is the verdict on type and labels. A namespace has neither.
func (r *rule) key(q *question) verdict {
	if len(r.grant.Types) == 0 && len(r.labels) == 0 {
		return yes
	}
	switch {
	case q.res.Key == "":
		return no
	case q.at == nil:
		return unknown
	case len(r.grant.Types) > 0 && !slices.Contains(r.grant.Types, q.at.Type):
		return no
	}
	for i := range r.labels {
		if v := r.labels[i].in(q.at.Labels, q.who); v != yes {
			return v
		}
	}
	return yes
}

func (r *rule) contexts(q *question) verdict {
	v := yes
	for i := range r.context {
		if q.at == nil {
			return unknown
		}
		if v = min(v, r.context[i].in(q.at.Context, q.who)); v == no {
			return no
		}
	}
	return v
}

func (r *rule) inTime(q *question) verdict {
	g := r.grant
	if g.NotBefore.IsZero() && g.NotAfter.IsZero() {
		return yes
	}
	now := q.when()
	return is((g.NotBefore.IsZero() || !now.Before(g.NotBefore)) && (g.NotAfter.IsZero() || now.Before(g.NotAfter)))
}

// want is a pair that must be there, with any value or a certain one.
type want struct {
	name  string
	value string
	fill  string // "@uid", "@user" or "@unit" in place of value
	any   bool
}

// parseWant reads "name" or "name=value" of a context condition.
func parseWant(s string) (want, error) {
	name, value, given := strings.Cut(s, "=")
	switch {
	case !given:
		return want{name: name, any: true}, nil
	case strings.HasPrefix(value, "@@"):
		return want{name: name, value: value[1:]}, nil
	case value == "@uid" || value == "@user" || value == "@unit":
		return want{name: name, fill: value}, nil
	case value == "@peer" && (name == "uid" || name == "user" || name == "unit"):
		return want{name: name, fill: "@" + name}, nil
	case value == "@peer":
		return want{}, fmt.Errorf("%q: @peer is the value of uid, user or unit; for another name write @uid, @user or @unit", clip(s))
	case strings.HasPrefix(value, "@"):
		return want{}, fmt.Errorf("%q: the value is @uid, @user or @unit, or begins with @@ for an @", clip(s))
	}
	return want{name: name, value: value}, nil
}

func (w *want) in(pairs []Pair, who *Principal) verdict {
	for i := range pairs {
		if pairs[i].Name == w.name {
			return w.is(pairs[i].Value, who)
		}
	}
	return no
}

func (w *want) is(value string, who *Principal) verdict {
	switch {
	case w.any:
		return yes
	case w.fill == "@uid":
		var room [10]byte
		return is(string(strconv.AppendUint(room[:0], uint64(who.UID), 10)) == value)
	case w.fill == "@user":
		return known(who.User, value, false)
	case w.fill == "@unit":
		if who.Unit == "" {
			return unknown // no value can stand for a unit that is not there
		}
		return is(who.Unit == value)
	}
	return is(w.value == value)
}
