package ipc

import (
	"context"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/policy"
)

// While a change of the policy waits, for an account directory that does not
// answer, keys must still go when the vault is sealed.
func TestSealDoesNotWaitForThePolicy(t *testing.T) {
	s := eyes(t)
	s.service.rules.mu.Lock() // as held over a search for groups
	sealed := make(chan error, 1)
	go func() { sealed <- s.SealBecause(vault.SealedByIdle, "") }()
	for end := time.Now().Add(time.Minute); !s.service.vault.Status().Sealed; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Error("the vault is still open")
			break
		}
	}
	s.service.rules.mu.Unlock()
	if err := <-sealed; err != nil {
		t.Error(err)
	}
}

// Whoever watches the vault must not keep it open, and whoever uses it must.
func TestWhatPutsSealingForIdlenessOff(t *testing.T) {
	uses := map[string]bool{
		"Init": true, "Unseal": true,
		"Encrypt": true, "Decrypt": true, "Sign": true, "Verify": true, "MAC": true, "VerifyMAC": true, "Agree": true,
		"CreateKey": true, "RotateKey": true, "ImportKey": true, "ExportKey": true, "DestroyKey": true, "RevokeKey": true,
		"OfferExchange": true, "AcceptExchange": true, "FinishExchange": true,
	}
	for _, m := range methods {
		if rule, _ := policy.ForMethod(m.name); rule.Set == "" && m.usesKeys != uses[m.name] {
			t.Errorf("%s uses keys: %v", m.name, m.usesKeys)
		}
		if uses[m.name] && !m.usesKeys {
			t.Errorf("%s does not count", m.name)
		}
		delete(uses, m.name)
	}
	if len(uses) > 0 {
		t.Errorf("no method: %v", uses)
	}
	for _, name := range []string{"Status", "WhoAmI", "ListKeys", "ShowKey", "PublicKey", "ReadAudit", "ListGrants"} {
		for _, m := range methods {
			if m.name == name && m.usesKeys {
				t.Errorf("%s would keep the vault open", name)
			}
		}
	}
}

// A status that is asked for, and a use that is refused, are no use.
func TestOnlyWhatIsPerformedIsUse(t *testing.T) {
	s := eyes(t)
	who := &policy.Principal{UID: 0, User: "root"}
	c := &call{form: FormFrames, who: who, caller: s.policy.Caller(who)}
	ctx := context.WithValue(t.Context(), callKey{}, c)
	for _, step := range []struct {
		name            string
		req             message
		performed, want bool
	}{
		{"Status", &vaultdv1.StatusRequest{}, true, false},
		{"Encrypt", &vaultdv1.EncryptRequest{Key: "nobody/nothing", Plaintext: []byte("x")}, false, false},
		{"Encrypt", &vaultdv1.EncryptRequest{Key: "alice/k", Plaintext: []byte("x")}, true, true},
		{"ShowKey", &vaultdv1.ShowKeyRequest{Name: "alice/k"}, true, false},
		{"Batch", &vaultdv1.BatchRequest{Items: []*vaultdv1.BatchItem{{Request: &vaultdv1.BatchItem_Encrypt{
			Encrypt: &vaultdv1.EncryptRequest{Key: "alice/k", Plaintext: []byte("x")},
		}}}}, true, true},
		{"Batch", &vaultdv1.BatchRequest{Items: []*vaultdv1.BatchItem{{Request: &vaultdv1.BatchItem_Encrypt{
			Encrypt: &vaultdv1.EncryptRequest{Key: "alice/none", Plaintext: []byte("x")},
		}}}}, true, false},
	} {
		s.KeysUsed()
		for _, m := range methods {
			if m.name == step.name {
				if _, err := s.invoke(ctx, c, m, step.req); (err == nil) != step.performed {
					t.Errorf("%s: %v", step.name, err)
				}
			}
		}
		if got := s.KeysUsed(); got != step.want {
			t.Errorf("%s counts: %v", step.name, got)
		}
	}
}
