package policy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// naive decides as docs/POLICY.md says it, grant by grant, without an index and
// in no hurry. It returns the rules and grants that may be given as the reason.
func naive(p *Policy, grants []Grant, who *Principal, a Action, r Resource, at *Attributes) (rule string, ids []string) {
	row, ok := ForVerb(string(a))
	switch {
	case !ok:
		return RuleDefault, nil
	case row.Scope == ScopePublic:
		return RulePublic, nil
	case who.UID == 0:
		return RuleRoot, nil
	case who.UID == p.DaemonUID:
		return RuleDaemon, nil
	case who.Changed:
		return RuleChanged, nil
	}
	rule, ids = naiveWithoutDenies(p, grants, who, row, r, at)
	var deny, denyUnlessApproved []string
	for _, g := range grants {
		applies, unsure := naiveApplies(p, g, who, row, r, at)
		approved := at != nil && at.Approved
		switch {
		case g.Effect == Deny && (applies || unsure) && g.FourEyes && !approved:
			denyUnlessApproved = append(denyUnlessApproved, g.ID)
		case g.Effect == Deny && (applies || unsure) && !g.FourEyes:
			deny = append(deny, g.ID)
		}
	}
	switch {
	case rule == RuleDefault: // who gets nothing anyway learns of no deny, and need not wait
	case len(deny) > 0:
		return RuleDeny, deny
	case len(denyUnlessApproved) > 0:
		return RuleFourEyes, denyUnlessApproved
	}
	return rule, ids
}

func naiveWithoutDenies(p *Policy, grants []Grant, who *Principal, row Rule, r Resource, at *Attributes) (rule string, ids []string) {
	var allow, waiting []string
	for _, g := range grants {
		applies, _ := naiveApplies(p, g, who, row, r, at)
		switch {
		case g.Effect == Deny || !applies:
		case g.FourEyes && (at == nil || !at.Approved):
			waiting = append(waiting, g.ID)
		default:
			allow = append(allow, g.ID)
		}
	}
	if slices.Contains(append(slices.Clone(who.Groups), who.GID), p.AdminGroups[0]) {
		return RuleAdmin, nil
	}
	switch {
	case row.Scope != ScopeOwner || r.Owner == "":
		return RuleDefault, nil
	case who.User != "" && who.User == r.Owner:
		return RuleOwner, nil
	case len(allow) > 0:
		return RuleGrant, allow
	case len(waiting) > 0:
		return RuleFourEyes, waiting
	}
	return RuleDefault, nil
}

// naiveApplies reports whether the grant is about the request, and, if that is
// not so, whether it might be if more were known.
func naiveApplies(p *Policy, g Grant, who *Principal, row Rule, r Resource, at *Attributes) (applies, unsure bool) {
	never, maybe := false, false
	need := func(known, so bool) {
		never = never || known && !so
		maybe = maybe || !known
	}
	need(true, row.Verb != "" && slices.ContainsFunc(g.Verbs, func(v string) bool {
		return v == row.Verb || v == row.Set || v == string(row.Action)
	}))
	need(true, slices.ContainsFunc(g.Keys, func(k string) bool {
		owner, key, _ := strings.Cut(k, "/")
		all := strings.Trim(key, "*") == ""
		if r.Owner == "" {
			return all && strings.Trim(owner, "*") == ""
		}
		return naiveGlob(owner, r.Owner) && (r.Key == "" && all || r.Key != "" && naiveGlob(key, r.Key))
	}))
	if g.UID != nil {
		need(true, who.UID == *g.UID)
	}
	if g.User != "" {
		need(who.User != "", who.User == g.User)
	}
	if g.GID != nil {
		member := who.GID == *g.GID || slices.Contains(who.Groups, *g.GID)
		need(member || who.Groups != nil, member)
	}
	if g.Unit != "" {
		need(who.Unit != "" || who.UnitKnown, who.Unit == g.Unit)
	}
	if g.Exe != "" {
		need(who.Exe != "", who.Exe == g.Exe)
	}
	for _, l := range g.Labels {
		name, value, given := strings.Cut(l, "=")
		if r.Key == "" {
			need(true, false)
			continue
		}
		need(at != nil, at != nil && slices.ContainsFunc(at.Labels, func(p Pair) bool {
			return p.Name == name && (!given || p.Value == value)
		}))
	}
	for _, c := range g.Context {
		name, value, given := strings.Cut(c, "=")
		if value == "@uid" {
			value = fmt.Sprint(who.UID)
		}
		need(at != nil, at != nil && slices.ContainsFunc(at.Context, func(p Pair) bool {
			return p.Name == name && (!given || p.Value == value)
		}))
	}
	now := p.Now()
	need(true, g.NotBefore.IsZero() || !now.Before(g.NotBefore))
	need(true, g.NotAfter.IsZero() || now.Before(g.NotAfter))
	return !never && !maybe, !never
}

func naiveGlob(pattern, name string) bool {
	switch {
	case pattern == "":
		return name == ""
	case pattern[0] == '*':
		return naiveGlob(pattern[1:], name) || name != "" && naiveGlob(pattern, name[1:])
	}
	return name != "" && (pattern[0] == '?' || pattern[0] == name[0]) && naiveGlob(pattern[1:], name[1:])
}

var epoch = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

func some(t *rapid.T, label string, from ...string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 0, 2, rapid.ID).Draw(t, label)
}

func anyGrant(t *rapid.T, i int) Grant {
	g := Grant{ID: fmt.Sprintf("%032x", i+1), Effect: Effect(rapid.SampledFrom([]string{"allow", "allow", "deny"}).Draw(t, "effect"))}
	id := func(label string) *uint32 { v := rapid.Uint32Range(1, 4).Draw(t, label); return &v }
	switch rapid.IntRange(0, 4).Draw(t, "subject") {
	case 0:
		g.AnyUser = true
	case 1:
		g.UID = id("uid")
	case 2:
		g.User = rapid.SampledFrom([]string{"a", "b", "ab"}).Draw(t, "user")
	case 3:
		g.GID = id("gid")
	case 4:
		g.User, g.GID = "a", id("gid")
	}
	if rapid.Bool().Draw(t, "narrow") {
		g.Unit = rapid.SampledFrom([]string{"", "x.service"}).Draw(t, "unit")
		g.Exe = rapid.SampledFrom([]string{"", "/x"}).Draw(t, "exe")
		g.Labels = some(t, "labels", "l", "l=1", "m=2")
		g.Context = some(t, "context", "c", "c=1", "u=@uid")
	}
	segment := rapid.SampledFrom([]string{"*", "a", "b", "ab", "a*", "?b", "*b*", "**"})
	for range rapid.IntRange(1, 3).Draw(t, "patterns") {
		g.Keys = append(g.Keys, segment.Draw(t, "owner")+"/"+segment.Draw(t, "key"))
	}
	verbs := Verbs()
	if covers := slices.ContainsFunc(g.Keys, func(k string) bool { return strings.Trim(k, "*") == "/" }); !covers ||
		g.Effect == Allow || len(g.Labels)+len(g.Context) > 0 {
		verbs = slices.DeleteFunc(verbs, func(v string) bool { return v == "change_policy" })
	}
	if rapid.IntRange(0, 4).Draw(t, "eyes") == 0 {
		guarded := slices.DeleteFunc(slices.Clone(verbs), func(v string) bool { return v != "export" && v != "destroy" && v != "change_policy" })
		g.FourEyes, g.Verbs = true, []string{rapid.SampledFrom(guarded).Draw(t, "verb")}
	} else {
		g.Verbs = append(some(t, "verbs", verbs...), "use")
	}
	switch rapid.IntRange(0, 5).Draw(t, "time") {
	case 0:
		g.NotBefore = epoch.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "from")))
	case 1:
		g.NotAfter = epoch.Add(time.Duration(rapid.IntRange(-1, 1).Draw(t, "to")))
	}
	return g
}

// The index, the order and the cache of a connection change no answer.
func TestDecisionsAreThoseOfTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var grants []Grant
		for i := range rapid.IntRange(0, 12).Draw(t, "grants") {
			grants = append(grants, anyGrant(t, i))
		}
		p := &Policy{DaemonUID: 9, AdminGroups: []uint32{4}, Now: func() time.Time { return epoch }}
		s, err := Compile(grants, Machine{})
		if err != nil {
			t.Fatal(err)
		}
		p.Install(s)
		actions := Rules()
		for range 30 {
			who := &Principal{
				UID: rapid.Uint32Range(0, 9).Draw(t, "uid"), GID: rapid.Uint32Range(1, 5).Draw(t, "gid"),
				Groups: rapid.SampledFrom([][]uint32{nil, {}, {1}, {2, 3}, {4}}).Draw(t, "groups"),
				User:   rapid.SampledFrom([]string{"", "a", "b", "ab"}).Draw(t, "user"),
				Unit:   rapid.SampledFrom([]string{"", "x.service", "y.service"}).Draw(t, "unit"),
				Exe:    rapid.SampledFrom([]string{"", "/x", "/y"}).Draw(t, "exe"), UnitKnown: rapid.Bool().Draw(t, "known"),
				Changed: rapid.IntRange(0, 9).Draw(t, "changed") == 0,
			}
			a := actions[rapid.IntRange(0, len(actions)-1).Draw(t, "action")].Action
			r := Resource{rapid.SampledFrom([]string{"", "a", "b", "ab"}).Draw(t, "owner"), ""}
			if r.Owner != "" {
				r.Key = rapid.SampledFrom([]string{"", "a", "b", "ab", "bb"}).Draw(t, "key")
			}
			var at *Attributes
			if rapid.IntRange(0, 3).Draw(t, "attributes") > 0 {
				value := rapid.SampledFrom([]string{"1", "2", "3"})
				at = &Attributes{Approved: rapid.Bool().Draw(t, "approved")}
				for _, n := range some(t, "have labels", "l", "m") {
					at.Labels = append(at.Labels, Pair{n, value.Draw(t, n)})
				}
				for _, n := range some(t, "have context", "c", "u") {
					at.Context = append(at.Context, Pair{n, value.Draw(t, n)})
				}
			}
			rule, ids := naive(p, grants, who, a, r, at)
			got := p.Decide(who, a, r, at)
			if got.Rule != rule || (got.Grant != "") != (ids != nil) || ids != nil && !slices.Contains(ids, got.Grant) {
				t.Fatalf("%+v %s %v %+v: got %+v, want %s %v", who, a, r, at, got, rule, ids)
			}
			if again := p.Caller(who).Decide(a, r, at); again != got {
				t.Fatalf("a caller gets %+v, not %+v", again, got)
			}
			e := p.Explain(who, a, r, at)
			if e.Decision != got {
				t.Fatalf("explained %+v, decided %+v", e.Decision, got)
			}
			if e.Rule == RuleDefault && e.Closest != nil && len(e.Missing) == 0 {
				t.Fatalf("denied by default, and nothing is missing of %+v", e.Closest)
			}
		}
	})
}

func FuzzGlob(f *testing.F) {
	for _, s := range [][2]string{{"a*b", "aXb"}, {"*", ""}, {"?", "x"}, {"a*a*a", "aaaa"}, {"**", "x"}, {"*ab*ab", "abab"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if _, err := parseSegment(pattern, maxKey); err != nil || len(name) > 12 || strings.Count(pattern, "*") > 6 {
			return // the naive one takes exponential time
		}
		s, _ := parseSegment(pattern, maxKey)
		if got, want := s.match(name), naiveGlob(pattern, name); got != want {
			t.Fatalf("%q on %q: %v, want %v", pattern, name, got, want)
		}
	})
}
