package ipc

import (
	"context"
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/policy"
)

// Whoever was let through to ask for another's key is told the truth about it:
// "not revoked" for a revoked key would be trusted.
func TestRevocationOfAnothersKeyIsNotOverlooked(t *testing.T) {
	v, err := vault.New(vault.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	bg := context.Background()
	if _, err := v.Init(bg, []byte("a long password"), 600_000); err != nil {
		t.Fatal(err)
	}
	name, err := vault.ParseName("alice/k")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.CreateKey(bg, vault.CreateKey{Name: name}); err != nil {
		t.Fatal(err)
	}
	if _, err := v.RevokeKey(bg, vault.RevokeKey{Name: name}); err != nil {
		t.Fatal(err)
	}
	k, err := v.ShowKey(bg, name)
	if err != nil {
		t.Fatal(err)
	}
	list, _, err := v.ListRevocations(bg, "alice", 0, "")
	if err != nil || len(list) != 1 || len(list[0].Fingerprints) != 1 {
		t.Fatal(list, err)
	}
	s := &service{vault: v, policy: &policy.Policy{DaemonUID: 1}}
	bob := context.WithValue(bg, callKey{}, &call{who: &policy.Principal{UID: 4711, User: "bob"}})
	resp, err := s.CheckRevocation(bob, &vaultdv1.CheckRevocationRequest{Subject: k.Name.String()})
	if err != nil || !resp.GetRevoked() {
		t.Errorf("by name: %v, %v", resp, err)
	}
	// A fingerprint names no owner, so that only what is bob's is searched.
	fingerprint := revocationsToProto(list)[0].GetFingerprints()[0]
	resp, err = s.CheckRevocation(bob, &vaultdv1.CheckRevocationRequest{Subject: fingerprint})
	if err != nil || resp.GetRevoked() || len(resp.GetRevocations()) != 0 {
		t.Errorf("by fingerprint: %v, %v", resp, err)
	}
}
