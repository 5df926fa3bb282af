package ipc

import (
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// Who is in quarantine is told why, and nothing of what was denied before to
// the account that it may not be.
func TestExplainTellsQuarantineOfItselfOnly(t *testing.T) {
	s := eyes(t)
	denied := func(who *policy.Principal) string {
		t.Helper()
		_, err := s.asks(t, who, vaultdv1.Method_METHOD_SHOW_KEY, &vaultdv1.ShowKeyRequest{Name: "bob/secret-plan"}, nil)
		if err == nil || err.Ref == "" {
			t.Fatalf("not denied: %v", err)
		}
		return err.Ref
	}
	changed := *alice
	changed.Changed = true
	before, since := denied(alice), denied(&changed)
	explain := func(who *policy.Principal, id string) *fault.Error {
		_, err := s.asks(t, who, vaultdv1.Method_METHOD_EXPLAIN, &vaultdv1.ExplainRequest{Decision: id}, nil)
		return err
	}
	if err := explain(alice, before); err != nil {
		t.Errorf("its own: %v", err)
	}
	if err := explain(&changed, since); err != nil {
		t.Errorf("of the quarantine: %v", err)
	}
	if err := explain(&changed, before); err == nil || err.Code != fault.CodeDecisionNotFound {
		t.Errorf("of before: %v", err)
	}
}
