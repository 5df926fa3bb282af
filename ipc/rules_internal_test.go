package ipc

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault/policy"
)

// An account database that does not answer keeps nobody's grant in force: what
// is taken away is gone when the command says so, and all is gone when sealed.
func TestGrantsEndWithoutAnAccountDatabase(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *rules, string) error{
		"removed": func(t *testing.T, r *rules, id string) error { return r.remove(t.Context(), id) },
		"sealed":  func(_ *testing.T, r *rules, _ string) error { return r.vault.Seal() },
	} {
		t.Run(name, func(t *testing.T) {
			s := eyes(t)
			r := s.service.rules
			r.findGroup = func(string) (uint32, bool, error) { return 77, true, nil }
			stays := policy.Grant{
				ID: strings.Repeat("0", 32), Effect: policy.Allow, Subject: policy.Subject{Group: "staff"}, Verbs: []string{"show"}, Keys: []string{"team/*"},
			}
			if err := r.fromFiles([]policy.Grant{stays}); err != nil {
				t.Fatal(err)
			}
			g, err := r.add(t.Context(), `{"effect":"allow","group":"backup","verbs":["decrypt"],"keys":["alice/*"]}`, "root", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			who := &policy.Principal{UID: 1004, GID: 77, User: "dan", Groups: []uint32{}}
			decide := func() bool {
				return s.policy.Authorize(who, policy.Decrypt, policy.Resource{Owner: "alice", Key: "k"}).Allowed
			}
			if !decide() {
				t.Fatal("the grant is not in force")
			}
			r.findGroup = func(string) (uint32, bool, error) { return 0, false, errors.New("no answer") }
			if err := end(t, r, g.ID); err != nil {
				t.Error(err)
			}
			if decide() {
				t.Error("the grant is still in force")
			}
			if _, err := r.add(t.Context(), `{"effect":"allow","group":"other","verbs":["decrypt"],"keys":["alice/*"]}`, "root", time.Now()); err == nil {
				t.Error("a grant is in force for a group that nobody can tell")
			}
		})
	}
}

// Status tells of the policy while a change of it waits for the disk.
func TestStatusWaitsForNoChangeOfThePolicy(t *testing.T) {
	r := eyes(t).service.rules
	r.failed(errors.New("broken"))
	r.mu.Lock()
	defer r.mu.Unlock()
	told := make(chan string, 1)
	go func() {
		_, _, problem := r.state()
		told <- problem
	}()
	select {
	case problem := <-told:
		if problem != "broken" {
			t.Errorf("the problem is %q", problem)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it waits")
	}
}

func TestNewGrantIsOneGrantAndNoMore(t *testing.T) {
	one := `{"effect":"allow","user":"a","verbs":["show"],"keys":["a/*"]}`
	if _, err := newGrant(one + "\n"); err != nil {
		t.Error(err)
	}
	for _, after := range []string{one, "}", "]", "x", ",", `"`} {
		if _, err := newGrant(one + after); err == nil {
			t.Errorf("%s after a grant is taken", after)
		}
	}
}
