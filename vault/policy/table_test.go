package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The policy of the table. Each grant is named by the last characters of its id.
func tableGrants() []Grant {
	uid := func(n uint32) *uint32 { return &n }
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	grants := map[string]Grant{
		"a1": {Subject: Subject{User: "bob"}, Verbs: []string{"use"}, Keys: []string{"alice/session-*"}},
		"a2": {Subject: Subject{User: "backup", Unit: "backup.service"}, Verbs: []string{"decrypt", "read"}, Keys: []string{"alice/*"}},
		"a3": {Subject: Subject{GID: uid(50)}, Verbs: []string{"verify", "public"}, Keys: []string{"*/sign-?"}},
		"a4": {Subject: Subject{AnyUser: true}, Verbs: []string{"verify"}, Keys: []string{"ca/root"}},
		"a5": {
			Subject: Subject{UID: uid(1004)}, Verbs: []string{"encrypt", "decrypt"}, Keys: []string{"app/*"},
			Labels: []string{"env=test", "team"}, Types: []string{"fernet", "xaes-256-gcm"},
		},
		"a6": {
			Subject: Subject{User: "carol"}, Verbs: []string{"use"}, Keys: []string{"app/db"},
			Conditions: Conditions{Context: []string{"tenant", "uid=@uid", "user=@user", "at=@@home"}},
		},
		"a7": {
			Subject: Subject{User: "carol"}, Verbs: []string{"sign"}, Keys: []string{"app/code"},
			Conditions: Conditions{NotBefore: day(10), NotAfter: day(20)},
		},
		"a8": {
			Subject: Subject{User: "dan", Exe: "/usr/bin/dump", Label: "dump_t", UserUnit: "dump.service"},
			Verbs:   []string{"read"}, Keys: []string{"app/*"},
		},
		"a9": {
			Subject: Subject{User: "dan", Process: &Process{PID: 4242, Started: 777}},
			Verbs:   []string{"mac"}, Keys: []string{"app/mac"},
		},
		"b1": {Subject: Subject{User: "erin"}, Verbs: []string{"export"}, Keys: []string{"alice/*"}, Conditions: Conditions{FourEyes: true}},
		"b2": {Subject: Subject{User: "erin"}, Verbs: []string{"manage"}, Keys: []string{"team/*"}},
		"b3": {
			Subject: Subject{User: "svc"}, Verbs: []string{"encrypt"}, Keys: []string{"app/unit"},
			Conditions: Conditions{Context: []string{"unit=@unit"}},
		},
		"b6": {
			Subject: Subject{User: "svc"}, Verbs: []string{"encrypt"}, Keys: []string{"app/peer"},
			Conditions: Conditions{Context: []string{"uid=@peer", "user=@peer", "unit=@peer", "at=@@peer"}},
		},
		"b4": {Subject: Subject{Group: "staff", User: "fay"}, Verbs: []string{"key.agree"}, Keys: []string{"team/x"}},
		"b5": {
			Subject: Subject{User: "fay"}, Verbs: []string{"list"}, Keys: []string{"lab/*"}, Labels: []string{"open"},
		},

		"d1": {Effect: Deny, Subject: Subject{User: "bob"}, Verbs: []string{"decrypt"}, Keys: []string{"alice/session-secret"}},
		"d2": {Effect: Deny, Subject: Subject{AnyUser: true}, Verbs: []string{"export"}, Keys: []string{"vip/*"}},
		"d3": {Effect: Deny, Subject: Subject{GID: uid(27)}, Verbs: []string{"decrypt"}, Keys: []string{"hr/*"}},
		"d4": {Effect: Deny, Subject: Subject{AnyUser: true}, Verbs: []string{"destroy"}, Keys: []string{"*/*"}, Conditions: Conditions{FourEyes: true}},
		"d5": {Effect: Deny, Subject: Subject{User: "gil", Exe: "/usr/bin/python3"}, Verbs: []string{"use"}, Keys: []string{"*/*"}},
		"d6": {Effect: Deny, Subject: Subject{User: "gil", Unit: "web.service"}, Verbs: []string{"read"}, Keys: []string{"gil/*"}},
		"d7": {Effect: Deny, Subject: Subject{AnyUser: true}, Verbs: []string{"sign"}, Keys: []string{"*/*"}, Labels: []string{"frozen"}},
		"d8": {Effect: Deny, Subject: Subject{GID: uid(66)}, Verbs: []string{"list"}, Keys: []string{"*/*"}},
		"d9": {Effect: Deny, Subject: Subject{GID: uid(27)}, Verbs: []string{"change_policy"}, Keys: []string{"*/*"}, Conditions: Conditions{FourEyes: true}},
		"da": {Effect: Deny, Subject: Subject{User: "abe"}, Verbs: []string{"grant.remove"}, Keys: []string{"*/*"}},
	}
	var all []Grant
	for id, g := range grants {
		g.ID = pad(id)
		if g.Effect == "" {
			g.Effect = Allow
		}
		all = append(all, g)
	}
	return all
}

func tablePolicy(t testing.TB) *Policy {
	t.Helper()
	s, err := Compile(tableGrants(), Machine{GroupID: func(name string) (uint32, bool, error) {
		return 51, name == "staff", nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	p := &Policy{
		DaemonUID: 990, AdminGroups: []uint32{27},
		Now: func() time.Time { return time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC) },
	}
	p.Install(s)
	return p
}

// someone is a principal with no groups beside its own, in no unit.
func someone(uid uint32, user string, edit ...func(*Principal)) *Principal {
	p := &Principal{UID: uid, GID: uid, Groups: []uint32{}, PID: 100, Started: 5, User: user, Exe: "/bin/sh", Label: "user_t", UnitKnown: true}
	for _, e := range edit {
		e(p)
	}
	return p
}

func in(groups ...uint32) func(*Principal) { return func(p *Principal) { p.Groups = groups } }
func unit(name string) func(*Principal)    { return func(p *Principal) { p.Unit = name } }
func exe(path string) func(*Principal)     { return func(p *Principal) { p.Exe = path } }
func dump(p *Principal)                    { p.Exe, p.Label, p.UserUnit = "/usr/bin/dump", "dump_t", "dump.service" }

func process(n int32, s uint64) func(*Principal) {
	return func(p *Principal) { p.PID, p.Started = n, s }
}

func TestWhoMayDoWhatToWhichKey(t *testing.T) {
	p := tablePolicy(t)
	alice, bob, carol := someone(1000, "alice"), someone(1001, "bob"), someone(1003, "carol")
	svc := someone(80, "svc", unit("web.service"))
	backup := someone(900, "backup", unit("backup.service"))
	admin, supreme := someone(1010, "ada", in(27)), someone(0, "root")
	at := func(edit func(*Attributes)) *Attributes { a := &Attributes{}; edit(a); return a }
	plain := &Attributes{}
	labelled := func(typ string, labels ...Pair) *Attributes { return &Attributes{Type: typ, Labels: labels} }
	context := func(pairs ...Pair) *Attributes { return &Attributes{Context: pairs} }
	test, team := Pair{"env", "test"}, Pair{"team", "any"}
	tenant, byUID, byUser, home := Pair{"tenant", "t1"}, Pair{"uid", "1003"}, Pair{"user", "carol"}, Pair{"at", "@home"}
	approved := at(func(a *Attributes) { a.Approved = true })
	on := func(day, hour int) *Attributes {
		return at(func(a *Attributes) { a.At = time.Date(2026, 1, day, hour, 0, 0, 0, time.UTC) })
	}

	for i, c := range []struct {
		who  *Principal
		do   Action
		key  string
		at   *Attributes
		rule string
		id   string
	}{
		// Without grants for it, all is as ever.
		{alice, Encrypt, "alice/session-1", plain, RuleOwner, ""},
		{alice, ListKeys, "alice/", plain, RuleOwner, ""},
		{alice, Encrypt, "bob/k", plain, RuleDefault, ""},
		{alice, Seal, "", plain, RuleDefault, ""},
		{alice, Status, "", plain, RulePublic, ""},
		{admin, Seal, "", plain, RuleAdmin, ""},
		{admin, Encrypt, "alice/k", plain, RuleAdmin, ""},
		{supreme, Decrypt, "hr/k", plain, RuleRoot, ""},
		{someone(990, "vaultd"), ExportKey, "vip/k", plain, RuleDaemon, ""},
		{someone(5000, ""), Encrypt, "alice/session-1", plain, RuleDefault, ""},

		// A user, a set of verbs, a pattern.
		{bob, Encrypt, "alice/session-1", plain, RuleGrant, "a1"},
		{bob, Decrypt, "alice/session-", plain, RuleGrant, "a1"},
		{bob, Sign, "alice/session-1", plain, RuleGrant, "a1"},
		{bob, ShowKey, "alice/session-1", plain, RuleDefault, ""},
		{bob, RotateKey, "alice/session-1", plain, RuleDefault, ""},
		{bob, Encrypt, "alice/sessio", plain, RuleDefault, ""},
		{bob, Encrypt, "alicia/session-1", plain, RuleDefault, ""},
		{bob, ListKeys, "alice/", plain, RuleDefault, ""},
		{bob, Seal, "", plain, RuleDefault, ""},
		{bob, RevokeOwner, "alice/", plain, RuleDefault, ""},
		{bob, Decrypt, "alice/session-secret", plain, RuleDeny, "d1"},
		{bob, Encrypt, "alice/session-secret", plain, RuleGrant, "a1"},
		{someone(1001, "Bob"), Encrypt, "alice/session-1", plain, RuleDefault, ""},

		// A unit narrows a user, and names no unit but the system's.
		{backup, Decrypt, "alice/k", plain, RuleGrant, "a2"},
		{backup, ListKeys, "alice/", plain, RuleGrant, "a2"},
		{backup, ListKeys, "bob/", plain, RuleDefault, ""},
		{backup, ListKeys, "", plain, RuleDefault, ""},
		{backup, Encrypt, "alice/k", plain, RuleDefault, ""},
		{someone(900, "backup"), Decrypt, "alice/k", plain, RuleDefault, ""},
		{someone(900, "backup", unit("other.service")), Decrypt, "alice/k", plain, RuleDefault, ""},
		{someone(901, "mallory", unit("backup.service")), Decrypt, "alice/k", plain, RuleDefault, ""},
		{someone(900, "backup", func(p *Principal) { p.UserUnit = "backup.service" }), Decrypt, "alice/k", plain, RuleDefault, ""},

		// Groups, main or supplementary.
		{someone(1020, "x", in(4, 50)), Verify, "bob/sign-1", plain, RuleGrant, "a3"},
		{someone(1020, "x", func(p *Principal) { p.GID = 50 }), PublicKey, "zoe/sign-z", plain, RuleGrant, "a3"},
		{someone(1020, "x", in(4, 50)), Verify, "bob/sign-12", plain, RuleDefault, ""},
		{someone(1020, "x", in(4)), Verify, "bob/sign-1", plain, RuleDefault, ""},
		{someone(1020, "x", func(p *Principal) { p.Groups = nil }), Verify, "bob/sign-1", plain, RuleDefault, ""},
		{someone(1030, "fay", in(51)), Agree, "team/x", plain, RuleGrant, "b4"},
		{someone(1030, "fay", in(52)), Agree, "team/x", plain, RuleDefault, ""},
		{someone(1031, "gus", in(51)), Agree, "team/x", plain, RuleDefault, ""},

		// Everybody, even who has no account.
		{someone(5000, ""), Verify, "ca/root", plain, RuleGrant, "a4"},
		{someone(5000, ""), Verify, "ca/root2", plain, RuleDefault, ""},
		{someone(5000, ""), VerifyMAC, "ca/root", plain, RuleDefault, ""},

		// Labels and types of the key.
		{someone(1004, "z"), Encrypt, "app/k", labelled("fernet", team, test), RuleGrant, "a5"},
		{someone(1004, ""), Encrypt, "app/k", labelled("fernet", team, test), RuleGrant, "a5"},
		{someone(1004, "z"), Encrypt, "app/k", labelled("fernet", test), RuleDefault, ""},
		{someone(1004, "z"), Encrypt, "app/k", labelled("fernet", team, Pair{"env", "prod"}), RuleDefault, ""},
		{someone(1004, "z"), Encrypt, "app/k", labelled("rsa-2048", team, test), RuleDefault, ""},
		{someone(1004, "z"), Encrypt, "app/none", plain, RuleDefault, ""},
		{someone(1004, "z"), Encrypt, "app/k", nil, RuleDefault, ""},
		{someone(1030, "fay"), ListKeys, "lab/", plain, RuleDefault, ""},
		{someone(1030, "fay"), ListKeys, "lab/k", labelled("fernet", Pair{"open", ""}), RuleGrant, "b5"},

		// The request's context, with values of the kernel.
		{carol, Encrypt, "app/db", context(tenant, byUID, byUser, home), RuleGrant, "a6"},
		{carol, Encrypt, "app/db", context(tenant, Pair{"uid", "1000"}, byUser, home), RuleDefault, ""},
		{carol, Encrypt, "app/db", context(tenant, byUID, Pair{"user", "bob"}, home), RuleDefault, ""},
		{carol, Encrypt, "app/db", context(tenant, byUID, byUser, Pair{"at", "@@home"}), RuleDefault, ""},
		{carol, Encrypt, "app/db", context(byUID, byUser, home), RuleDefault, ""},
		{carol, Encrypt, "app/db", nil, RuleDefault, ""},
		{someone(80, "svc", unit("web.service")), Encrypt, "app/unit", context(Pair{"unit", "web.service"}), RuleGrant, "b3"},
		{someone(80, "svc", unit("web.service")), Encrypt, "app/unit", context(Pair{"unit", "db.service"}), RuleDefault, ""},
		{someone(80, "svc"), Encrypt, "app/unit", context(Pair{"unit", ""}), RuleDefault, ""},

		{svc, Encrypt, "app/peer", context(Pair{"uid", "80"}, Pair{"user", "svc"}, Pair{"unit", "web.service"}, Pair{"at", "@peer"}), RuleGrant, "b6"},
		{svc, Encrypt, "app/peer", context(Pair{"uid", "81"}, Pair{"user", "svc"}, Pair{"unit", "web.service"}, Pair{"at", "@peer"}), RuleDefault, ""},
		{svc, Encrypt, "app/peer", context(Pair{"uid", "80"}, Pair{"user", "bob"}, Pair{"unit", "web.service"}, Pair{"at", "@peer"}), RuleDefault, ""},
		{svc, Encrypt, "app/peer", context(Pair{"uid", "80"}, Pair{"user", "svc"}, Pair{"unit", "db.service"}, Pair{"at", "@peer"}), RuleDefault, ""},
		{svc, Encrypt, "app/peer", context(Pair{"uid", "@peer"}, Pair{"user", "@peer"}, Pair{"unit", "@peer"}, Pair{"at", "@peer"}), RuleDefault, ""},
		{someone(80, "svc"), Encrypt, "app/peer", context(Pair{"uid", "80"}, Pair{"user", "svc"}, Pair{"unit", ""}, Pair{"at", "@peer"}), RuleDefault, ""},

		// Times: from the first moment, up to the last.
		{carol, Sign, "app/code", plain, RuleGrant, "a7"},
		{carol, Sign, "app/code", on(10, 0), RuleGrant, "a7"},
		{carol, Sign, "app/code", on(9, 23), RuleDefault, ""},
		{carol, Sign, "app/code", on(19, 23), RuleGrant, "a7"},
		{carol, Sign, "app/code", on(20, 0), RuleDefault, ""},

		// Program, label and unit of the user's own manager; a living process.
		{someone(1005, "dan", dump), ShowKey, "app/k", plain, RuleGrant, "a8"},
		{someone(1005, "dan", dump, exe("")), ShowKey, "app/k", plain, RuleDefault, ""},
		{someone(1005, "dan", dump, exe("/usr/bin/dump2")), ShowKey, "app/k", plain, RuleDefault, ""},
		{someone(1005, "dan", dump, func(p *Principal) { p.Label = "" }), ShowKey, "app/k", plain, RuleDefault, ""},
		{someone(1005, "dan", dump, func(p *Principal) { p.UserUnit = "" }), ShowKey, "app/k", plain, RuleDefault, ""},
		{someone(1005, "dan", process(4242, 777)), MAC, "app/mac", plain, RuleGrant, "a9"},
		{someone(1005, "dan", process(4242, 778)), MAC, "app/mac", plain, RuleDefault, ""},
		{someone(1005, "dan", process(4242, 0)), MAC, "app/mac", plain, RuleDefault, ""},
		{someone(1006, "eve", process(4242, 777)), MAC, "app/mac", plain, RuleDefault, ""},

		// Manage, and four eyes.
		{someone(1007, "erin"), ExportKey, "alice/k", plain, RuleFourEyes, "b1"},
		{someone(1007, "erin"), ExportKey, "alice/k", nil, RuleFourEyes, "b1"},
		{someone(1007, "erin"), ExportKey, "alice/k", approved, RuleGrant, "b1"},
		{someone(1008, "mal"), ExportKey, "alice/k", approved, RuleDefault, ""},
		{someone(1007, "erin"), CreateKey, "team/new", plain, RuleGrant, "b2"},
		{someone(1007, "erin"), OfferExchange, "team/new", plain, RuleGrant, "b2"},
		{someone(1007, "erin"), Decrypt, "team/new", plain, RuleDefault, ""},
		{someone(1007, "erin"), DestroyKey, "team/k", plain, RuleFourEyes, "d4"},
		{someone(1007, "erin"), DestroyKey, "team/k", approved, RuleGrant, "b2"},
		{alice, DestroyKey, "alice/k", plain, RuleFourEyes, "d4"},
		{alice, DestroyKey, "alice/k", approved, RuleOwner, ""},
		{admin, DestroyKey, "alice/k", plain, RuleFourEyes, "d4"},
		{supreme, DestroyKey, "alice/k", plain, RuleRoot, ""},
		// An owner's revocation destroys its keys; whoever may destroy them may not therefore revoke it.
		{admin, RevokeOwner, "alice/", plain, RuleFourEyes, "d4"},
		{admin, RevokeOwner, "alice/", approved, RuleAdmin, ""},
		{alice, RevokeOwner, "alice/", approved, RuleDefault, ""},
		{someone(1007, "erin"), RevokeOwner, "team/", plain, RuleDefault, ""},

		// Nobody waits for an approval that would not help.
		{bob, DestroyKey, "alice/session-1", plain, RuleDefault, ""},
		{bob, DestroyKey, "alice/session-1", approved, RuleDefault, ""},
		{someone(1007, "erin"), DestroyKey, "alice/k", plain, RuleDefault, ""},

		// The policy is changed by administrators, and by these with four eyes.
		{admin, AddGrant, "", plain, RuleFourEyes, "d9"},
		{admin, AddGrant, "", approved, RuleAdmin, ""},
		{admin, RemoveGrant, "", nil, RuleFourEyes, "d9"},
		{admin, ShowGrant, "", plain, RuleAdmin, ""},
		{someone(1011, "abe", in(27)), RemoveGrant, "", approved, RuleDeny, "da"},
		{someone(1011, "abe", in(27)), AddGrant, "", approved, RuleAdmin, ""},
		{supreme, AddGrant, "", plain, RuleRoot, ""},
		{someone(990, "vaultd"), RemoveGrant, "", plain, RuleDaemon, ""},
		{alice, AddGrant, "", plain, RuleDefault, ""},
		{alice, AddGrant, "", approved, RuleDefault, ""},

		// A deny binds owners and administrators' groups, never root.
		{someone(1040, "vip"), ExportKey, "vip/k", plain, RuleDeny, "d2"},
		{someone(1040, "vip"), Encrypt, "vip/k", plain, RuleOwner, ""},
		{admin, ExportKey, "vip/k", plain, RuleDeny, "d2"},
		{admin, ExportKey, "vip/k", approved, RuleDeny, "d2"},
		{supreme, ExportKey, "vip/k", plain, RuleRoot, ""},
		{admin, Decrypt, "hr/k", plain, RuleDeny, "d3"},
		{someone(1041, "hr"), Decrypt, "hr/k", plain, RuleOwner, ""},
		{someone(1041, "hr", func(p *Principal) { p.Groups = nil }), Decrypt, "hr/k", plain, RuleDeny, "d3"},
		{someone(1042, "x", in(66, 27)), ListKeys, "", plain, RuleDeny, "d8"},
		{alice, Sign, "alice/k", labelled("ed25519", Pair{"frozen", "yes"}), RuleDeny, "d7"},
		{alice, Sign, "alice/k", labelled("ed25519"), RuleOwner, ""},
		{alice, Sign, "alice/k", nil, RuleDeny, "d7"},

		// Nobody escapes a deny by being unknown.
		{someone(1050, "gil", exe("/usr/bin/python3")), Encrypt, "gil/k", plain, RuleDeny, "d5"},
		{someone(1050, "gil", exe("/usr/bin/perl")), Encrypt, "gil/k", plain, RuleOwner, ""},
		{someone(1050, "gil", exe("")), Encrypt, "gil/k", plain, RuleDeny, "d5"},
		{someone(1050, "", exe("/usr/bin/python3")), Encrypt, "ca/root", plain, RuleDefault, ""}, // anyway
		{someone(1050, "gil", unit("web.service")), ShowKey, "gil/k", plain, RuleDeny, "d6"},
		{someone(1050, "gil"), ShowKey, "gil/k", plain, RuleOwner, ""},
		{someone(1050, "gil", func(p *Principal) { p.UnitKnown = false }), ShowKey, "gil/k", plain, RuleDeny, "d6"},

		// An account that changed has nothing but what is public.
		{someone(1000, "alice", func(p *Principal) { p.Changed = true }), Encrypt, "alice/k", plain, RuleChanged, ""},
		{someone(1010, "ada", in(27), func(p *Principal) { p.Changed = true }), Seal, "", plain, RuleChanged, ""},
		{someone(1001, "bob", func(p *Principal) { p.Changed = true }), Encrypt, "alice/session-1", plain, RuleChanged, ""},
		{someone(1000, "alice", func(p *Principal) { p.Changed = true }), Status, "", plain, RulePublic, ""},
	} {
		owner, key, _ := strings.Cut(c.key, "/")
		r := Resource{owner, key}
		want := Decision{Rule: c.rule}
		switch c.rule {
		case RulePublic, RuleRoot, RuleDaemon, RuleAdmin, RuleOwner, RuleGrant:
			want.Allowed = true
		}
		if c.id != "" {
			want.Grant = pad(c.id)
		}
		name := fmt.Sprintf("case %d: %s (uid %d) %s %q", i, c.who.User, c.who.UID, c.do, c.key)
		caller := p.Caller(c.who)
		for how, got := range map[string]Decision{
			"Decide": p.Decide(c.who, c.do, r, c.at), "Caller": caller.Decide(c.do, r, c.at),
			"Caller again": caller.Decide(c.do, r, c.at), "Explain": p.Explain(c.who, c.do, r, c.at).Decision,
		} {
			if got != want {
				t.Errorf("%s: %s says %+v, want %+v", name, how, got, want)
			}
		}
	}
}

// pad makes an id of a few hexadecimal characters.
func pad(id string) string { return strings.Repeat("0", 2*IDSize-len(id)) + id }
