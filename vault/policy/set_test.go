package policy

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGenerationAndHash(t *testing.T) {
	grants := tableGrants()
	gid := uint32(51)
	compile := func(g []Grant) *Set {
		t.Helper()
		s, err := Compile(g, Machine{GroupID: func(string) (uint32, bool, error) { return gid, true, nil }})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	p := &Policy{}
	if p.Set() != nil {
		t.Fatal("a set before the first")
	}
	p.Install(compile(grants))
	first := p.Set()
	if first.Generation() != 1 {
		t.Errorf("generation %d", first.Generation())
	}

	same := slices.Clone(grants)
	slices.Reverse(same)
	same[0].Source = Source{File: "elsewhere", Line: 3}
	p.Install(compile(same))
	if p.Set().Generation() != 1 || p.Set().Hash() != first.Hash() {
		t.Error("another order or place is another policy")
	}
	if g, _ := p.Set().Grant(same[0].ID); g.Source != same[0].Source {
		t.Error("the place is lost")
	}

	p.Install(compile(grants[1:]))
	if p.Set().Generation() != 2 || p.Set().Hash() == first.Hash() {
		t.Error("a grant less is the same policy")
	}
	gid = 52
	p.Install(compile(grants[1:]))
	if slices.ContainsFunc(grants[1:], func(g Grant) bool { return g.Group != "" }) && p.Set().Generation() != 3 {
		t.Error("a group with another number is the same policy")
	}
	if first.Generation() != 1 {
		t.Error("a set changed")
	}
}

func TestCompileIsAllOrNothing(t *testing.T) {
	good := tableGrants()[0]
	for name, c := range map[string]struct {
		edit func(*Grant)
		want string
	}{
		"id":                      {func(g *Grant) { g.ID = "XYZ" }, "id: an id is 32"},
		"long id":                 {func(g *Grant) { g.ID += "00" }, "id: an id is 32"},
		"id twice":                {func(g *Grant) { g.ID = good.ID }, "is the id of another grant"},
		"effect":                  {func(g *Grant) { g.Effect = "" }, "effect: wants"},
		"nobody":                  {func(g *Grant) { g.Subject = Subject{Unit: "x.service"} }, "says nobody"},
		"process":                 {func(g *Grant) { g.Subject = Subject{User: "b", Process: &Process{PID: 5}} }, "process: wants"},
		"deny process":            {func(g *Grant) { g.Subject.Process = &Process{PID: 5, Started: 1}; g.Effect = Deny }, "process: a deny"},
		"verb":                    {func(g *Grant) { g.Verbs = []string{"seal"} }, "verbs: \"seal\" is no verb"},
		"allow policy":            {func(g *Grant) { g.Effect, g.Verbs, g.Keys = Allow, []string{"change_policy"}, []string{"*/*"} }, "verbs: change_policy can only be denied"},
		"allow adding":            {func(g *Grant) { g.Effect, g.Verbs, g.Keys = Allow, []string{"grant.add"}, []string{"*/*"} }, "verbs: grant.add can only be denied"},
		"allow revoking an owner": {func(g *Grant) { g.Effect, g.Verbs, g.Keys = Allow, []string{"owner.revoke"}, []string{"*/*"} }, "verbs: owner.revoke can only be denied"},
		"policy of one":           {func(g *Grant) { g.Effect, g.Verbs, g.Keys = Deny, []string{"change_policy"}, []string{"a/*", "*/k"} }, "keys: change_policy is about the vault itself"},
		"policy label": {func(g *Grant) {
			g.Effect, g.Verbs, g.Keys, g.Labels = Deny, []string{"export", "change_policy"}, []string{"*/*"}, []string{"env"}
		}, "verbs: change_policy has no labels"},
		"type":          {func(g *Grant) { g.Types = []string{"rot13"} }, "types: \"rot13\" is no type"},
		"control":       {func(g *Grant) { g.Name = "a\x1b[2J" }, "name: has a control character"},
		"group is lost": {func(g *Grant) { g.Subject = Subject{Group: "down"} }, "find group \"down\": no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := good
			bad.ID = pad("ff")
			c.edit(&bad)
			s, err := Compile([]Grant{good, bad}, Machine{
				GroupID: func(string) (uint32, bool, error) { return 0, false, errors.New("no answer") },
				KeyType: func(name string) bool { return name == "fernet" },
			})
			if s != nil || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("set %v, error %v", s, err)
			}
		})
	}
}

func TestUnknownGroupIsAWarning(t *testing.T) {
	g := Grant{ID: pad("1"), Effect: Allow, Subject: Subject{Group: "nope"}, Verbs: []string{"use"}, Keys: []string{"a/*"}}
	s, err := Compile([]Grant{g}, Machine{})
	if err != nil {
		t.Fatal(err)
	}
	if w := s.Warnings(); len(w) != 1 || !strings.Contains(w[0].Error(), `no group "nope"`) {
		t.Errorf("warnings %v", w)
	}
	p := &Policy{DaemonUID: 990}
	p.Install(s)
	if d := p.Decide(someone(5, "x", in(0)), Encrypt, Resource{"a", "k"}, nil); d.Allowed {
		t.Errorf("gid 0 is in a group that is not there: %+v", d)
	}
	if e := p.Explain(someone(5, "x"), Encrypt, Resource{"a", "k"}, nil); e.Closest != nil {
		t.Errorf("%+v", e)
	}
}

// What is kept in the vault is read back as it was.
func TestGrantsSurviveJSON(t *testing.T) {
	for _, g := range tableGrants() {
		data, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		var back Grant
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(g, back); d != "" {
			t.Errorf("%s\n%s", data, d)
		}
	}
}

func TestProcessesAndNeeds(t *testing.T) {
	s := tablePolicy(t).Set()
	if got := s.Processes(); len(got) != 1 || got[0] != (Process{PID: 4242, Started: 777}) {
		t.Errorf("processes %v", got)
	}
	if !s.NeedsAttributes() {
		t.Error("labels and contexts are not needed")
	}
	var none *Set
	if none.NeedsAttributes() {
		t.Error("no set needs attributes")
	}
}

func TestVerbsOfTheTable(t *testing.T) {
	for _, r := range Rules() {
		switch {
		case r.Verb == "" && (r.Scope == ScopeOwner || r.Set != "" || r.Dangerous):
			t.Errorf("%s has no verb", r.Action)
		case byAction[r.Action].bit&onlyDenied != 0:
			if r.Scope != ScopeAdmin || r.Set != "" || !r.Dangerous {
				t.Errorf("%s: %+v", r.Action, r)
			}
		case r.Verb != "" && r.Scope != ScopeOwner:
			t.Errorf("%s: a grant could give what is the administrators'", r.Action)
		case r.Verb != "" && byVerb[r.Set]&byVerb[r.Verb] == 0:
			t.Errorf("%s is not in %q", r.Action, r.Set)
		}
		if got, ok := ForVerb(string(r.Action)); !ok || got != r {
			t.Errorf("ForVerb(%q) = %v", r.Action, got)
		}
	}
	if _, ok := ForVerb(""); ok {
		t.Error("no name is a verb")
	}
	for _, set := range []string{SetUse, SetRead, SetManage} {
		if byVerb[set]&onlyDenied != 0 {
			t.Errorf("%q has what can only be denied in it", set)
		}
	}
	if _, ok := byVerb[""]; ok || byVerb[verbChangePolicy] != byVerb["grant.add"]|byVerb["grant.remove"] {
		t.Error("change_policy is not both, and nothing else")
	}
	if byVerb[verbDestroy] != byVerb["key.destroy"]|byVerb["key.trim"]|byVerb["owner.revoke"] {
		t.Error("destroy is not of keys, their old versions, and owners")
	}
	if len(byVerb) > 2*64+3 {
		t.Error("more verbs than bits")
	}
}

func TestExplain(t *testing.T) {
	p := tablePolicy(t)
	for _, c := range []struct {
		name    string
		who     *Principal
		do      Action
		res     Resource
		closest string
		missing string // attributes
		mine    bool   // the caller learns of it
	}{
		{"unit", someone(900, "backup"), Decrypt, Resource{"alice", "k"}, "a2", "unit", true},
		{"verb", someone(1001, "bob"), RotateKey, Resource{"alice", "session-1"}, "a1", "verbs", true},
		{"key", someone(1003, "carol"), Sign, Resource{"app", "other"}, "a7", "keys", false},
		{"of everybody", someone(1099, "zed"), MAC, Resource{"alice", "session-1"}, "a4", "verbs keys", false},
		{"context", someone(1003, "carol"), Encrypt, Resource{"app", "db"}, "a6", "context context context context", true},
		{"denied", someone(1001, "bob"), Decrypt, Resource{"alice", "session-secret"}, "d1", "", true},
		{"four eyes", someone(1007, "erin"), ExportKey, Resource{"alice", "k"}, "b1", "four_eyes", true},
		{"allowed", someone(1001, "bob"), Encrypt, Resource{"alice", "session-1"}, "a1", "", true},
		{"not a grant's", someone(1001, "bob"), Seal, Resource{}, "", "", false},
	} {
		e := p.Explain(c.who, c.do, c.res, &Attributes{})
		id := ""
		if e.Closest != nil {
			id = strings.TrimLeft(e.Closest.ID, "0")
		}
		var missing []string
		for _, m := range e.Missing {
			missing = append(missing, m.Attribute)
			if m.Want == "" || m.String() == "" {
				t.Errorf("%s: %+v", c.name, m)
			}
		}
		if got := strings.Join(missing, " "); id != c.closest || got != c.missing {
			t.Errorf("%s: closest %q, missing %q; want %q and %q (%v)", c.name, id, got, c.closest, c.missing, e.Missing)
		}
		if e.Generation != 1 || e.Hash != p.Set().Hash() {
			t.Errorf("%s: generation %d", c.name, e.Generation)
		}
		if mine := e.ForCaller().Closest != nil; mine != c.mine {
			t.Errorf("%s: the caller learns of it: %v", c.name, mine)
		}
	}
}

// Who asks learns nothing of a grant to somebody else.
func TestGrantsOfOthersAreNotTold(t *testing.T) {
	s, err := Compile([]Grant{{
		ID: pad("1"), Effect: Allow, Subject: Subject{User: "bob"}, Verbs: []string{"use"}, Keys: []string{"alice/*"}, Labels: []string{"top"},
	}}, Machine{})
	if err != nil {
		t.Fatal(err)
	}
	p := &Policy{DaemonUID: 990}
	p.Install(s)
	at := &Attributes{Labels: []Pair{{"top", "secret"}}}
	e := p.Explain(someone(1099, "zed"), Encrypt, Resource{"alice", "k"}, at)
	if len(e.Missing) != 1 || e.Missing[0] != (Missing{"user", "bob", "zed"}) {
		t.Errorf("missing %v", e.Missing)
	}
	if told := e.ForCaller(); told.Closest != nil || told.Missing != nil || told.Rule != RuleDefault {
		t.Errorf("told %+v", told)
	}
}
