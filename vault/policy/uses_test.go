package policy

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// shelf is a UseStore in memory, which fails when told to.
type shelf struct {
	mu    sync.Mutex
	uses  map[string]Use
	saves int
	fail  error
}

func (s *shelf) LoadUses() ([]Use, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Use
	for _, u := range s.uses {
		all = append(all, u)
	}
	return all, s.fail
}

func (s *shelf) SaveUses(uses []Use) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	if s.uses == nil {
		s.uses = map[string]Use{}
	}
	for _, u := range uses {
		s.uses[u.Grant] = u
	}
	s.saves++
	return nil
}

// counted is a policy with one grant that counts, and a clock.
func counted(t *testing.T, store *shelf, c Conditions) (p *Policy, now *time.Time) {
	t.Helper()
	uses, err := NewUses(store)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Compile([]Grant{{
		ID: pad("1"), Effect: Allow, Subject: Subject{User: "bob"}, Verbs: []string{"decrypt"}, Keys: []string{"alice/*"}, Conditions: c,
	}}, Machine{Uses: uses})
	if err != nil {
		t.Fatal(err)
	}
	at := epoch
	p = &Policy{DaemonUID: 990, Now: func() time.Time { return at }}
	p.Install(s)
	return p, &at
}

func bobDecrypts(p *Policy) string {
	return p.Decide(someone(1001, "bob"), Decrypt, Resource{"alice", "k"}, &Attributes{}).Rule
}

func expect(t *testing.T, p *Policy, rules ...string) {
	t.Helper()
	for i, want := range rules {
		if got := bobDecrypts(p); got != want {
			t.Fatalf("use %d: %s, want %s", i+1, got, want)
		}
	}
}

func TestUsesPerPeriod(t *testing.T) {
	store := &shelf{}
	p, now := counted(t, store, Conditions{Uses: 2, Per: time.Hour})
	expect(t, p, RuleGrant)
	*now = now.Add(59 * time.Minute)
	expect(t, p, RuleGrant, RuleExhausted)
	if e := p.Explain(someone(1001, "bob"), Decrypt, Resource{"alice", "k"}, nil); e.Rule != RuleExhausted || len(e.Missing) != 1 {
		t.Errorf("explained: %+v", e)
	}
	*now = now.Add(-30 * time.Minute) // the clock goes back: no new period
	expect(t, p, RuleExhausted)
	*now = now.Add(31 * time.Minute)
	for range 3 {
		p.Explain(someone(1001, "bob"), Decrypt, Resource{"alice", "k"}, nil) // counts nothing
	}
	expect(t, p, RuleGrant, RuleGrant, RuleExhausted)
	if store.saves != 0 {
		t.Error("uses in a period are saved at each use")
	}
}

func TestTotalUsesOutliveACrash(t *testing.T) {
	store := &shelf{}
	p, _ := counted(t, store, Conditions{TotalUses: 3})
	expect(t, p, RuleGrant, RuleGrant)
	// No Flush: the next program has what the store has.
	p, _ = counted(t, store, Conditions{TotalUses: 3})
	expect(t, p, RuleGrant, RuleExhausted)
	p, _ = counted(t, store, Conditions{TotalUses: 3})
	expect(t, p, RuleExhausted)
	// A grant that is edited to allow more goes on where it was.
	p, _ = counted(t, store, Conditions{TotalUses: 4})
	expect(t, p, RuleGrant, RuleExhausted)
}

func TestAUseThatCannotBeSavedIsNone(t *testing.T) {
	store := &shelf{}
	p, _ := counted(t, store, Conditions{TotalUses: 1})
	store.fail = errors.New("disk full")
	expect(t, p, RuleExhausted, RuleExhausted)
	store.fail = nil
	expect(t, p, RuleGrant, RuleExhausted)
}

func TestFlushSavesWhatChanged(t *testing.T) {
	store := &shelf{}
	p, _ := counted(t, store, Conditions{Uses: 2, Per: time.Hour})
	uses := p.Set().rules[0].limit
	u := &Uses{store: store, counters: map[string]*counter{pad("1"): uses}}
	expect(t, p, RuleGrant)
	for range 2 {
		if err := u.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if store.saves != 1 {
		t.Errorf("%d saves for one change", store.saves)
	}
	p, _ = counted(t, store, Conditions{Uses: 2, Per: time.Hour})
	expect(t, p, RuleGrant, RuleExhausted)
	if got := u.Snapshot(); len(got) != 1 || got[0].Used != 1 {
		t.Errorf("snapshot %+v", got)
	}
	u.Forget(pad("1"))
	if len(u.Snapshot()) != 0 {
		t.Error("forgotten, and still there")
	}
}

func TestStoreThatCannotBeReadIsAnError(t *testing.T) {
	if _, err := NewUses(&shelf{fail: errors.New("damaged")}); err == nil {
		t.Error("uses start from zero")
	}
}

// An allow without limits is taken first, so that no use is counted in vain.
func TestUnlimitedGrantComesFirst(t *testing.T) {
	uses := &Uses{}
	g := Grant{Effect: Allow, Subject: Subject{User: "bob"}, Verbs: []string{"use"}, Keys: []string{"alice/*"}}
	first, second := g, g
	first.ID, first.TotalUses, second.ID = pad("1"), 1, pad("2")
	s, err := Compile([]Grant{first, second}, Machine{Uses: uses})
	if err != nil {
		t.Fatal(err)
	}
	p := &Policy{}
	p.DaemonUID = 990
	p.Install(s)
	expect(t, p, RuleGrant, RuleGrant)
	if u := uses.Snapshot(); len(u) != 1 || u[0].Total != 0 {
		t.Errorf("counted: %+v", u)
	}
}

// Nobody is asked to approve what is used up.
func TestUsedUpGrantAsksForNoApproval(t *testing.T) {
	s, err := Compile([]Grant{{
		ID: pad("1"), Effect: Allow, Subject: Subject{User: "bob"}, Verbs: []string{"export"}, Keys: []string{"alice/*"},
		Conditions: Conditions{FourEyes: true, TotalUses: 1},
	}}, Machine{})
	if err != nil {
		t.Fatal(err)
	}
	p := &Policy{DaemonUID: 990}
	p.Install(s)
	bob, k := someone(1001, "bob"), Resource{"alice", "k"}
	for i, c := range []struct {
		approved bool
		rule     string
	}{{false, RuleFourEyes}, {false, RuleFourEyes}, {true, RuleGrant}, {false, RuleExhausted}, {true, RuleExhausted}} {
		if d := p.Decide(bob, ExportKey, k, &Attributes{Approved: c.approved}); d.Rule != c.rule {
			t.Errorf("decision %d: %+v, want %s", i, d, c.rule)
		}
	}
}

// However many ask at once and however often the set is replaced meanwhile, a
// grant gives what it says, and no decision falls between two sets.
func TestConcurrentDecisionsAndReloads(t *testing.T) {
	uses := &Uses{}
	limited := Grant{
		ID: pad("1"), Effect: Allow, Subject: Subject{User: "bob"}, Verbs: []string{"decrypt"}, Keys: []string{"alice/*"},
		Conditions: Conditions{TotalUses: 100},
	}
	deny := Grant{ID: pad("2"), Effect: Deny, Subject: Subject{User: "bob"}, Verbs: []string{"sign"}, Keys: []string{"*/*"}}
	p := &Policy{DaemonUID: 990}
	install := func(more uint32) {
		uid := 5000 + more
		s, err := Compile([]Grant{limited, deny, {
			ID: pad("3"), Effect: Allow, Subject: Subject{UID: &uid}, Verbs: []string{"use"}, Keys: []string{"x/*"},
		}}, Machine{Uses: uses})
		if err != nil {
			t.Error(err)
			return
		}
		p.Install(s)
	}
	install(0)
	caller := p.Caller(someone(1001, "bob"))
	var allowed atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 100 {
				if caller.Decide(Decrypt, Resource{"alice", "k"}, nil).Allowed {
					allowed.Add(1)
				}
				if d := caller.Decide(Sign, Resource{"bob", "k"}, nil); d.Rule != RuleDeny {
					t.Errorf("an instant without the deny: %+v", d)
				}
			}
		})
	}
	all.Go(func() {
		for i := range uint32(200) {
			install(i)
		}
	})
	all.Wait()
	if n := allowed.Load(); n != 100 {
		t.Errorf("%d uses of 100", n)
	}
}
