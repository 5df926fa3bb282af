package policy

import (
	"fmt"
	"testing"
	"time"
)

// tenThousand is a machine with 10,000 grants of every shape, and one
// principal among them that has several groups.
func tenThousand(tb testing.TB) (*Policy, *Principal) {
	tb.Helper()
	var grants []Grant
	for i := range 10_000 {
		g := Grant{ID: fmt.Sprintf("%032x", i+1), Effect: Allow, Verbs: []string{SetUse}}
		uid, gid := uint32(1000+i), uint32(20_000+i%500)
		switch i % 5 {
		case 0:
			g.UID, g.Keys = &uid, []string{fmt.Sprintf("owner%d/*", i%997)}
		case 1:
			g.User, g.Keys = fmt.Sprintf("user%d", i), []string{fmt.Sprintf("owner%d/db-*", i%997)}
		case 2:
			g.GID, g.Keys = &gid, []string{fmt.Sprintf("owner%d/k%d", i%997, i)}
		case 3:
			g.AnyUser, g.Keys = true, []string{fmt.Sprintf("public%d/k%d", i%997, i)}
			g.Verbs = []string{"verify"}
		case 4:
			g.Effect, g.User, g.Keys = Deny, fmt.Sprintf("user%d", i), []string{"*/*"}
		}
		grants = append(grants, g)
	}
	grants = append(grants, Grant{
		ID: fmt.Sprintf("%032x", 1<<40), Effect: Allow, Verbs: []string{"use", "read"}, Keys: []string{"alice/session-*"},
		Subject: Subject{User: "backup", Unit: "backup.service"},
		Conditions: Conditions{
			Context:   []string{"purpose=backup", "uid=@uid"},
			NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC),
		},
	})
	s, err := Compile(grants, Machine{})
	if err != nil {
		tb.Fatal(err)
	}
	p := &Policy{DaemonUID: 990, AdminGroups: []uint32{27}}
	p.Install(s)
	return p, &Principal{
		UID: 900, GID: 900, Groups: []uint32{4, 24, 30, 46, 100, 114, 20_002, 20_007}, PID: 77, Started: 5, User: "backup",
		Exe: "/usr/bin/backup", Unit: "backup.service", UnitKnown: true,
	}
}

var (
	benchResource = Resource{"alice", "session-1"}
	benchAt       = &Attributes{Type: "fernet", Context: []Pair{{"purpose", "backup"}, {"uid", "900"}}}
)

func BenchmarkDecide(b *testing.B) {
	p, who := tenThousand(b)
	caller := p.Caller(who)
	for _, c := range []struct {
		name   string
		decide func() Decision
		rule   string
	}{
		{"grant", func() Decision { return p.Decide(who, Encrypt, benchResource, benchAt) }, RuleGrant},
		{"grant, connection", func() Decision { return caller.Decide(Encrypt, benchResource, benchAt) }, RuleGrant},
		{"denied", func() Decision { return p.Decide(who, Encrypt, Resource{"bob", "k"}, benchAt) }, RuleDefault},
		{"owner", func() Decision { return p.Decide(who, Encrypt, Resource{"backup", "k"}, benchAt) }, RuleOwner},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if d := c.decide(); d.Rule != c.rule {
					b.Fatalf("%+v", d)
				}
			}
		})
	}
}

func BenchmarkCompile10000(b *testing.B) {
	p, _ := tenThousand(b)
	grants := p.Set().Grants()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(grants, Machine{}); err != nil {
			b.Fatal(err)
		}
	}
}

// The promise to every hot operation: no allocation, whoever asks.
func TestDecisionsDoNotAllocate(t *testing.T) {
	p, who := tenThousand(t)
	caller := p.Caller(who)
	for _, r := range []Resource{benchResource, {"bob", "k"}, {"backup", "k"}, {"public3/", "k3"}} {
		if n := testing.AllocsPerRun(100, func() { p.Decide(who, Decrypt, r, benchAt) }); n != 0 {
			t.Errorf("Policy.Decide on %v allocates %v times", r, n)
		}
		if n := testing.AllocsPerRun(100, func() { caller.Decide(Decrypt, r, benchAt) }); n != 0 {
			t.Errorf("Caller.Decide on %v allocates %v times", r, n)
		}
	}
}
