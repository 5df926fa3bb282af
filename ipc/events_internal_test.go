package ipc

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// events reads as who, and returns "kind key" of each.
func (s *Server) events(t *testing.T, who *policy.Principal, req *vaultdv1.ReadEventsRequest) (*vaultdv1.ReadEventsResponse, []string) {
	t.Helper()
	resp, err := s.asks(t, who, vaultdv1.Method_METHOD_READ_EVENTS, req, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := resp.(*vaultdv1.ReadEventsResponse)
	var all []string
	for _, e := range r.GetEvents() {
		all = append(all, e.GetKind()+" "+e.GetKey())
	}
	return r, all
}

// Everybody is told of the keys that it may show, and of no others; filters
// leave out more.
func TestEventsAreForThoseWhoMayShowTheKey(t *testing.T) {
	s := eyes(t) // with alice/k
	for _, name := range []string{"alice/shared", "bob/b"} {
		if _, err := s.service.vault.CreateKey(t.Context(), vault.CreateKey{Name: mustName(t, name)}); err != nil {
			t.Fatal(err)
		}
	}
	bob := &policy.Principal{UID: 1002, GID: 1002, User: "bob", Groups: []uint32{}}
	changed := &policy.Principal{UID: 1000, GID: 1000, User: "alice", Groups: []uint32{}, Changed: true}
	grant := `{"effect":"allow","user":"bob","verbs":["show"],"keys":["alice/shared"]}`
	if _, err := s.service.rules.add(t.Context(), grant, "root", s.service.approvals.now()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		who  *policy.Principal
		req  *vaultdv1.ReadEventsRequest
		want []string
	}{
		{"owner", alice, &vaultdv1.ReadEventsRequest{}, []string{"created alice/k", "created alice/shared"}},
		{"granted", bob, &vaultdv1.ReadEventsRequest{}, []string{"created alice/shared", "created bob/b"}},
		{"granted, foreign owner", bob, &vaultdv1.ReadEventsRequest{Owner: "alice"}, []string{"created alice/shared"}},
		{"foreign key", bob, &vaultdv1.ReadEventsRequest{Key: "alice/k"}, nil},
		{"administrator", first, &vaultdv1.ReadEventsRequest{}, []string{"created alice/k", "created alice/shared", "created bob/b"}},
		{"another kind", first, &vaultdv1.ReadEventsRequest{Kinds: []string{"rotated"}}, nil},
		{"another type", first, &vaultdv1.ReadEventsRequest{Type: "ed25519"}, nil},
		{"quarantined", changed, &vaultdv1.ReadEventsRequest{}, nil},
	} {
		r, got := s.events(t, c.who, c.req)
		if !slices.Equal(got, c.want) || r.GetMissed() {
			t.Errorf("%s: told of %v, missed %v; wanted %v", c.name, got, r.GetMissed(), c.want)
		}
	}
}

// Reading on goes on where the last answer ended, waits, and says when something
// was missed.
func TestEventsReadOn(t *testing.T) {
	s := eyes(t)
	r, _ := s.events(t, alice, &vaultdv1.ReadEventsRequest{})
	on := &vaultdv1.ReadEventsRequest{From: r.GetNext(), Run: r.GetRun()}
	if r, got := s.events(t, alice, on); len(got) != 0 || r.GetNext() != on.GetFrom() {
		t.Errorf("told of %v again", got)
	}
	done := make(chan error, 1)
	go func() {
		_, err := s.service.vault.RotateKey(t.Context(), vault.RotateKey{Name: mustName(t, "alice/k")})
		done <- err
	}()
	var got []string
	for deadline := time.Now().Add(time.Minute); len(got) == 0 && time.Now().Before(deadline); {
		on.Wait = durationpb.New(time.Second)
		_, got = s.events(t, alice, on)
	}
	if err := <-done; err != nil || !slices.Equal(got, []string{"rotated alice/k"}) {
		t.Errorf("told of %v, %v", got, err)
	}
	other := &vaultdv1.ReadEventsRequest{From: 1, Run: "another"}
	if r, got := s.events(t, alice, other); !r.GetMissed() || len(got) != 2 {
		t.Errorf("after a restart told of %v, missed %v", got, r.GetMissed())
	}
	for _, bad := range []*vaultdv1.ReadEventsRequest{
		{PageSize: 1001}, {Kinds: []string{"eaten"}}, {Owner: "../x"}, {Key: "x"}, {From: 99, Run: r.GetRun()}, {Wait: durationpb.New(-1)},
	} {
		if _, err := s.asks(t, alice, vaultdv1.Method_METHOD_READ_EVENTS, bad, nil); err == nil || err.Code == fault.CodeInternal {
			t.Errorf("%v is answered with %v", bad, err)
		}
	}
}

// Only the newest are kept, and whoever reads on from one that is gone is told.
func TestEventsForgotten(t *testing.T) {
	k := newKeyEvents()
	for i := range maxEvents + 10 {
		k.add(vault.KeyEvent{Type: fmt.Sprint(i)})
	}
	all, missed, _ := k.from(0, 2*maxEvents)
	if len(all) != maxEvents || missed || all[0].Type != "10" || all[0].number != 11 || all[maxEvents-1].Type != fmt.Sprint(maxEvents+9) {
		t.Errorf("%d events, missed %v", len(all), missed)
	}
	if all, missed, _ := k.from(5, 2); len(all) != 2 || !missed || all[0].number != 11 {
		t.Errorf("%v, missed %v", all, missed)
	}
	if all, missed, _ := k.from(maxEvents+10, 2); len(all) != 1 || missed {
		t.Errorf("%v, missed %v", all, missed)
	}
}
