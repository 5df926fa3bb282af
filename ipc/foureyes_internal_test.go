package ipc

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// eyes is a server where exports and changes of the policy need approval, with
// a key alice/k.
func eyes(t *testing.T) *Server {
	t.Helper()
	v, err := vault.New(vault.Options{Dir: filepath.Join(t.TempDir(), "vault")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	s := NewServer(Config{Vault: v, Policy: &policy.Policy{DaemonUID: 1, AdminGroups: []uint32{27}}, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(s.service.rules.close)
	if _, err := v.Init(t.Context(), []byte("correct horse battery staple"), 600_000); err != nil {
		t.Fatal(err)
	}
	guard := `{"effect":"deny","any_user":true,"verbs":["export","destroy","change_policy"],"keys":["*/*"],"four_eyes":true}`
	if _, err := s.service.rules.add(t.Context(), guard, "root", s.service.approvals.now()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.CreateKey(t.Context(), vault.CreateKey{Name: mustName(t, "alice/k"), Exportable: true}); err != nil {
		t.Fatal(err)
	}
	return s
}

func mustName(t *testing.T, text string) vault.Name {
	t.Helper()
	n, err := vault.ParseName(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// asks makes a request as who, with meanwhile between its decision and its performance.
func (s *Server) asks(t *testing.T, who *policy.Principal, number vaultdv1.Method, req message, meanwhile func()) (message, *fault.Error) {
	t.Helper()
	m := *methodByNumber(uint16(number))
	m.expensive = func(*service, message) bool {
		if meanwhile != nil {
			meanwhile()
		}
		return false
	}
	c := &call{form: FormFrames, who: who, caller: s.policy.Caller(who), standing: &standing{verdict: "known", user: who.User}}
	return s.invoke(context.WithValue(t.Context(), callKey{}, c), c, &m, req)
}

// approved makes a request that has to wait, and approves it.
func (s *Server) approved(t *testing.T, who *policy.Principal, number vaultdv1.Method, req message, by *policy.Principal) string {
	t.Helper()
	_, err := s.asks(t, who, number, req, nil)
	if err == nil || err.Code != fault.CodeApprovalRequired {
		t.Fatalf("%v, want a request for approval", err)
	}
	if _, err := s.service.approvals.decide(err.Ref, approvalApproved, by, by.User); err != nil {
		t.Fatal(err)
	}
	return err.Ref
}

var (
	alice = &policy.Principal{UID: 1000, GID: 1000, User: "alice", Groups: []uint32{}}
	first = &policy.Principal{UID: 1001, GID: 27, User: "first", Groups: []uint32{}}
	other = &policy.Principal{UID: 1002, GID: 27, User: "other", Groups: []uint32{}}
)

// What was approved is what is performed, though the request comes to mean
// something else between its decision and its performance.
func TestApprovedIsWhatIsPerformed(t *testing.T) {
	t.Run("the newest version", func(t *testing.T) {
		s := eyes(t)
		export := func() *vaultdv1.ExportKeyRequest { return &vaultdv1.ExportKeyRequest{Name: "alice/k"} }
		s.approved(t, alice, vaultdv1.Method_METHOD_EXPORT_KEY, export(), first)
		got, err := s.asks(t, alice, vaultdv1.Method_METHOD_EXPORT_KEY, export(), func() {
			if _, err := s.service.vault.RotateKey(t.Context(), vault.RotateKey{Name: mustName(t, "alice/k")}); err != nil {
				t.Fatal(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if v := got.(*vaultdv1.ExportKeyResponse).GetVersion(); v != 1 {
			t.Errorf("version %d went out, approved was version 1", v)
		}
	})
	t.Run("the process", func(t *testing.T) {
		s := eyes(t)
		text := fmt.Sprintf(`{"effect":"allow","uid":%d,"process":{"pid":%d},"verbs":["show"],"keys":["alice/*"]}`, os.Geteuid(), os.Getpid())
		if _, err := newGrant(text); err != nil {
			t.Skip("no grant can be for a process here:", err)
		}
		add := &vaultdv1.AddGrantRequest{Json: text}
		s.approved(t, first, vaultdv1.Method_METHOD_ADD_GRANT, add, other)
		_, err := s.asks(t, first, vaultdv1.Method_METHOD_ADD_GRANT, add, func() {
			if !strings.Contains(add.GetJson(), `"started":`) || !strings.Contains(add.GetJson(), `"boot":`) {
				t.Errorf("performed is %s, for whatever process has the number by then", add.GetJson())
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// An approval is for who asked, and by who may still approve: neither goes over
// to who has the uid next.
func TestApprovalsEndWithTheirPrincipals(t *testing.T) {
	s := eyes(t)
	export := &vaultdv1.ExportKeyRequest{Name: "alice/k"}
	asker := &policy.Principal{UID: 1003, GID: 27, User: "asker", Groups: []uint32{}}
	id := s.approved(t, asker, vaultdv1.Method_METHOD_EXPORT_KEY, export, first)

	heir := &policy.Principal{UID: 1003, GID: 27, User: "heir", Groups: []uint32{}}
	if _, err := s.asks(t, heir, vaultdv1.Method_METHOD_EXPORT_KEY, export, nil); err == nil || err.Code != fault.CodeApprovalRequired || err.Ref == id {
		t.Errorf("the heir of the uid: %v", err)
	}
	if _, err := s.service.approvals.decide(id, approvalRejected, heir, "heir"); err == nil {
		t.Error("the heir of the uid decides on what the uid asked for")
	}
	plain := &policy.Principal{UID: 1003, User: "heir"}
	for _, a := range s.service.approvals.list(s.service.approvalsOf(plain)) {
		if a.id == id {
			t.Error("the heir of the uid sees what was asked for before it")
		}
	}
	quarantined := &policy.Principal{UID: 1003, GID: 27, User: "asker", Changed: true}
	if all := s.service.approvals.list(s.service.approvalsOf(quarantined)); len(all) > 0 {
		t.Errorf("who is in quarantine sees %v", all)
	}

	// Who approved is no administrator any more: the request waits for another.
	s.policy.SetAdminGroups([]uint32{28})
	if _, err := s.asks(t, alice, vaultdv1.Method_METHOD_EXPORT_KEY, export, nil); err == nil {
		t.Fatal("alice waits for nobody")
	}
	asker28 := &policy.Principal{UID: 1003, GID: 28, User: "asker", Groups: []uint32{}}
	if _, err := s.asks(t, asker28, vaultdv1.Method_METHOD_EXPORT_KEY, export, nil); err == nil || err.Code != fault.CodeApprovalRequired || err.Ref != id {
		t.Errorf("approved by who is no administrator: %v", err)
	}
	s.policy.SetAdminGroups([]uint32{27})
	if _, err := s.asks(t, asker, vaultdv1.Method_METHOD_EXPORT_KEY, export, nil); err == nil || err.Ref != id {
		t.Errorf("it does not wait again: %v", err)
	}
	if _, err := s.service.approvals.decide(id, approvalApproved, other, "other"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.asks(t, asker, vaultdv1.Method_METHOD_EXPORT_KEY, export, nil); err != nil {
		t.Errorf("approved anew: %v", err)
	}
}
