package policy

import (
	"fmt"
	"testing"
	"time"
)

func TestDenialsAreExplainedAsTheyWere(t *testing.T) {
	p := tablePolicy(t)
	d := NewDenials(p)
	carol, res := someone(1003, "carol"), Resource{"app", "db"}
	room := []Pair{{"tenant", "t1"}, {"uid", "5"}, {"user", "carol"}, {"at", "@home"}}
	at := &Attributes{Context: room}
	id := d.Note(carol, Encrypt, res, at, p.Decide(carol, Encrypt, res, at))
	room[1].Value = "1003" // used again for the next request

	// The policy is another one, and the grant in question is gone.
	empty, err := Compile(nil, Machine{})
	if err != nil {
		t.Fatal(err)
	}
	p.Install(empty)
	p.Now = func() time.Time { return epoch.AddDate(1, 0, 0) }

	n, e, ok := d.Find(id)
	if !ok || n.Who != carol || n.Action != Encrypt || n.Resource != res || e.Generation != 1 {
		t.Fatalf("%+v %+v %v", n, e, ok)
	}
	if len(e.Missing) != 1 || e.Missing[0] != (Missing{"context", "uid=@uid", "5"}) {
		t.Errorf("missing %v", e.Missing)
	}
	if _, _, ok := d.Find("0000"); ok {
		t.Error("an id that nobody was given is found")
	}
}

func TestDenialsAreBounded(t *testing.T) {
	d := NewDenials(&Policy{})
	var ids []string
	for i := range MaxDenials + 10 {
		ids = append(ids, d.Note(someone(5, "x"), Encrypt, Resource{"a", fmt.Sprint(i)}, nil, Decision{Rule: RuleDefault}))
	}
	if len(d.ring) != MaxDenials {
		t.Errorf("%d remembered", len(d.ring))
	}
	for i, id := range ids {
		n, _, ok := d.Find(id)
		if ok != (i >= 10) || ok && n.Resource.Key != fmt.Sprint(i) {
			t.Fatalf("denial %d: %+v %v", i, n.Resource, ok)
		}
	}
}
