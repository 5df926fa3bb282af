package policyfile

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vaultd/vaultd/vault/policy"
)

const whole = `# The nightly backup.
[[grant]]
name       = "backup reads sessions"
effect     = "allow"
user       = "backup"
unit       = "backup.service"
verbs      = ["use", "show"]
keys       = ["alice/session-*", "bob/*"]
labels     = ["env=prod"]
types      = ["fernet"]
context    = ["purpose=backup", "uid=@peer"]
not_before = 2026-01-01T01:00:00+01:00
not_after  = 2027-01-01T00:00:00Z
uses       = 100
per        = "1h"
total_uses = 5000

[[grant]]
effect = "deny"
any_user = true
verbs = ["export", "destroy"]
keys = ["*/*"]
four_eyes = true

[[grant]]
effect = "allow"
uid = 0
gid = 27
verbs = ["list"]
keys = ["*/*"]
`

func TestParse(t *testing.T) {
	grants, errs := Parse("/etc/x/10-backup.toml", []byte(whole))
	if errs != nil {
		t.Fatal(errs)
	}
	root, sudo := uint32(0), uint32(27)
	want := []policy.Grant{
		{
			ID: grants[0].ID, Name: "backup reads sessions", Effect: policy.Allow,
			Subject: policy.Subject{User: "backup", Unit: "backup.service"},
			Verbs:   []string{"use", "show"}, Keys: []string{"alice/session-*", "bob/*"},
			Labels: []string{"env=prod"}, Types: []string{"fernet"},
			Conditions: policy.Conditions{
				Context:   []string{"purpose=backup", "uid=@peer"},
				NotBefore: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
				Uses: 100, Per: time.Hour, TotalUses: 5000,
			},
			Source: policy.Source{File: "/etc/x/10-backup.toml", Line: 2},
		},
		{
			ID: grants[1].ID, Effect: policy.Deny, Subject: policy.Subject{AnyUser: true},
			Verbs: []string{"export", "destroy"}, Keys: []string{"*/*"}, Conditions: policy.Conditions{FourEyes: true},
			Source: policy.Source{File: "/etc/x/10-backup.toml", Line: 18},
		},
		{
			ID: grants[2].ID, Effect: policy.Allow, Subject: policy.Subject{UID: &root, GID: &sudo},
			Verbs: []string{"list"}, Keys: []string{"*/*"}, Source: policy.Source{File: "/etc/x/10-backup.toml", Line: 25},
		},
	}
	if d := cmp.Diff(want, grants); d != "" {
		t.Error(d)
	}
	if _, err := policy.Compile(grants, policy.Machine{}); err != nil {
		t.Error(err)
	}
}

// Every error names the file, the line, and what was expected.
func TestParseIsStrict(t *testing.T) {
	const head, rest = "[[grant]]\neffect = \"allow\"\n", "verbs = [\"use\"]\nkeys = [\"a/*\"]\n"
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "p.toml: is empty"},
		{"only space", " \n\t\n", "p.toml: is empty"},
		{"syntax", head + "user = \n", "p.toml:3: "},
		{"cut off", head + "user = \"bo", "p.toml:3: "},
		{"not a section of ours", "# x\n[grants]\nuser = \"b\"\n", `p.toml:2: unknown key "grants"; a file has only [[grant]]`},
		{"a table, not a list", "\n[grant]\neffect = \"allow\"\n", "p.toml:2: write each grant below a line [[grant]]"},
		{"a value", "grant = 5\n", "p.toml:1: write each grant below a line [[grant]]"},
		{"a list of values", "grant = [1, 2]\n", "p.toml:1: write each grant below a line [[grant]]"},
		{"unknown key", head + "usr = \"b\"\n" + rest, `p.toml:3: unknown key "usr" in a grant; it is one of name, effect`},
		{"a process", head + "user = \"b\"\npid = 5\n" + rest, `p.toml:4: unknown key "pid"`},
		{"a table inside", head + "user = \"b\"\n" + rest + "[grant.when]\nx = 1\n", `p.toml:6: unknown key "when"`},
		{"effect", "[[grant]]\neffect = \"permit\"\nuser=\"b\"\n" + rest, `p.toml:2: effect: wants "allow" or "deny"`},
		{"no effect", "\n[[grant]]\nuser=\"b\"\n" + rest, `p.toml:2: effect: wants "allow" or "deny"`},
		{"number for a text", head + "user = 5\n" + rest, "p.toml:3: user: wants a text in quotes"},
		{"empty text", head + "user = \"\"\n" + rest, "p.toml:3: user: wants a text in quotes, and not an empty one"},
		{"text for a number", head + "uid = \"5\"\n" + rest, "p.toml:3: uid: wants a number from 0 to 4294967294, without quotes"},
		{"negative", head + "uid = -1\n" + rest, "p.toml:3: uid: wants a number"},
		{"too large", head + "gid = 4294967295\n" + rest, "p.toml:3: gid: wants a number"},
		{"fraction", head + "gid = 1.0\n" + rest, "p.toml:3: gid: wants a number"},
		{"text for a list", head + "user=\"b\"\nverbs=\"use\"\nkeys=[\"a/*\"]\n", "p.toml:4: verbs: wants a list"},
		{"empty list", head + "user=\"b\"\nverbs=[]\nkeys=[\"a/*\"]\n", "p.toml:4: verbs: wants a list"},
		{"mixed list", head + "user=\"b\"\nverbs=[\"use\"]\nkeys=[\"a/*\", 3]\n", "p.toml:5: keys: wants a list"},
		{"unknown verb", head + "user=\"b\"\nverbs=[\"use\", \"steal\"]\nkeys=[\"a/*\"]\n", `p.toml:4: verbs: "steal" is no verb; it is one of use, read, manage, create`},
		{"administrators' action", head + "user=\"b\"\nverbs=[\"vault.seal\"]\nkeys=[\"a/*\"]\n", `p.toml:4: verbs: "vault.seal" is no verb`},
		{"no verbs", head + "user=\"b\"\nkeys=[\"a/*\"]\n", "p.toml:1: verbs: is missing"},
		{"no keys", head + "user=\"b\"\nverbs=[\"use\"]\n", "p.toml:1: keys: is missing"},
		{"pattern without slash", head + "user=\"b\"\nverbs=[\"use\"]\nkeys=[\"*\"]\n", `p.toml:5: keys: "*" has no slash`},
		{"pattern with two", head + "user=\"b\"\nverbs=[\"use\"]\nkeys=[\"a/b/c\"]\n", "p.toml:5: keys: name of"},
		{"regular expression", head + "user=\"b\"\nverbs=[\"use\"]\nkeys=[\"a/[x]\"]\n", "p.toml:5: keys: name of"},
		{"nobody", head + rest, "p.toml:1: says nobody: give user, uid, group or gid, or any_user = true"},
		{"only a unit", head + "unit = \"x.service\"\n" + rest, "p.toml:1: says nobody"},
		{"any_user false", head + "any_user = false\n" + rest, "p.toml:1: says nobody"},
		{"anybody and somebody", head + "any_user = true\nuser = \"b\"\n" + rest, "p.toml:3: any_user: contradicts"},
		{"unit", head + "user = \"b\"\nunit = \"backup\"\n" + rest, "p.toml:4: unit: wants the name of a service or scope"},
		{"exe", head + "user = \"b\"\nexe = \"../x\"\n" + rest, "p.toml:4: exe: wants an absolute path"},
		{"context token", head + "user = \"b\"\ncontext = [\"u=@peer\"]\n" + rest, "p.toml:4: context: "},
		{"context token of another name", head + "user = \"b\"\ncontext = [\"u=@uidd\"]\n" + rest, "p.toml:4: context: "},
		{"context name", head + "user = \"b\"\ncontext = [\"=x\"]\n" + rest, "p.toml:4: context: "},
		{"local time", head + "user = \"b\"\nnot_after = 2027-01-01T00:00:00\n" + rest, "p.toml:4: not_after: wants a date with time and zone"},
		{"only a date", head + "user = \"b\"\nnot_after = 2027-01-01\n" + rest, "p.toml:4: not_after: wants a date with time and zone"},
		{"time in quotes", head + "user = \"b\"\nnot_after = \"2027-01-01T00:00:00Z\"\n" + rest, "p.toml:4: not_after: wants a date and time without quotes"},
		{"never", head + "user = \"b\"\nnot_before = 2027-01-01T00:00:00Z\nnot_after = 2026-01-01T00:00:00Z\n" + rest, "p.toml:5: not_after: is not after"},
		{"uses without per", head + "user = \"b\"\nuses = 3\n" + rest, "p.toml:4: uses: go together with per"},
		{"zero uses", head + "user = \"b\"\nuses = 0\nper=\"1h\"\n" + rest, "p.toml:4: uses: wants a whole number, 1 or more"},
		{"per as a number", head + "user = \"b\"\nuses = 3\nper = 60\n" + rest, "p.toml:5: per: wants a duration in quotes"},
		{"per too short", head + "user = \"b\"\nuses = 3\nper = \"5ms\"\n" + rest, "p.toml:5: per: wants whole seconds"},
		{"uses of a deny", "[[grant]]\neffect = \"deny\"\nuser = \"b\"\ntotal_uses = 3\n" + rest, "p.toml:1: uses: a deny has no uses"},
		{"four eyes on everything", head + "user = \"b\"\nfour_eyes = true\n" + rest, "p.toml:4: four_eyes: goes only with export, destroy"},
		{"twice", head + "user = \"b\"\n" + rest + head + "user = \"b\"\n" + rest, "p.toml:6: says the same as the grant in line 1"},
		{"one name twice", head + "name=\"n\"\nuser=\"b\"\n" + rest + head + "name=\"n\"\nuser=\"c\"\n" + rest, "p.toml:7: has the name of the grant in line 1"},
		{"header in a string", "[[grant]]\nname='''\n[[grant]]\n'''\n", "p.toml:4: name: has a control character"},
		{"too long", "#" + strings.Repeat("x", MaxFile), "p.toml: longer than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			grants, errs := Parse("p.toml", []byte(c.text))
			if grants != nil || len(errs) == 0 {
				t.Fatalf("accepted: %+v", grants)
			}
			if got := errors.Join(errs...).Error(); !strings.Contains(got, c.want) {
				t.Fatalf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestEveryFieldIsListed(t *testing.T) {
	if len(fieldNames) != len(fields) {
		t.Errorf("%d names for %d fields", len(fieldNames), len(fields))
	}
	for _, name := range fieldNames {
		if fields[name] == nil {
			t.Errorf("%s is listed and can't be read", name)
		}
	}
}

// A named grant keeps its id, and so its count of uses, when it is edited.
func TestIDs(t *testing.T) {
	parse := func(file, text string) string {
		g, errs := Parse(file, []byte("[[grant]]\neffect=\"allow\"\nverbs=[\"use\"]\n"+text))
		if errs != nil {
			t.Fatal(errs)
		}
		return g[0].ID
	}
	named := parse("/a/p.toml", "name=\"n\"\nuser=\"b\"\nkeys=[\"a/*\"]\n")
	plain := parse("/a/p.toml", "user=\"b\"\nkeys=[\"a/*\"]\n")
	if parse("/b/p.toml", "name=\"n\"\nuser=\"b\"\nkeys=[\"b/*\"]\n") != named {
		t.Error("editing a named grant, or moving its directory, changed its id")
	}
	for what, id := range map[string]string{
		"another file":    parse("/a/q.toml", "name=\"n\"\nuser=\"b\"\nkeys=[\"a/*\"]\n"),
		"no name":         plain,
		"other keys":      parse("/a/p.toml", "user=\"b\"\nkeys=[\"b/*\"]\n"),
		"another name":    parse("/a/p.toml", "name=\"m\"\nuser=\"b\"\nkeys=[\"a/*\"]\n"),
		"name as content": parse("/a/q.toml", "user=\"b\"\nkeys=[\"a/*\"]\n"),
	} {
		if id == named {
			t.Errorf("%s: the same id", what)
		}
	}
	if parse("/a/p.toml", "keys=[\"a/*\"]\n\nuser=\"b\" # comment\n") != plain {
		t.Error("the order of keys changed the id")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte("grant = [{effect = \"allow\", user = \"b\", verbs = [\"use\"], keys = [\"a/*\"]}]"))
	f.Add([]byte("[[grant]]\n[grant.x]\n"))
	f.Add([]byte("[[grant]]\nname = \"\"\"\n[[grant]]\"\"\"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		grants, errs := Parse("f.toml", data)
		if grants != nil && errs != nil {
			t.Fatal("grants and errors")
		}
		for _, e := range errs {
			var flaw *policy.Flaw
			if !errors.As(e, &flaw) || flaw.What == "" {
				t.Fatalf("%v is no flaw", e)
			}
		}
		if grants == nil {
			return
		}
		if _, err := policy.Compile(grants, policy.Machine{
			GroupID: func(string) (uint32, bool, error) { return 7, true, nil },
		}); err != nil {
			t.Fatalf("accepted, but can't be compiled: %v", err)
		}
	})
}
