package ipc

import (
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/vaultd/vaultd/ipc/peer"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// A caller that came while the vault was sealed was not judged. If it is
// unsealed before its request gets there, nothing is done for it.
func TestNothingIsDoneForTheUnjudged(t *testing.T) {
	v, err := vault.New(vault.Options{Dir: filepath.Join(t.TempDir(), "vault")})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	s := NewServer(Config{Vault: v, Policy: &policy.Policy{DaemonUID: 1, AdminGroups: []uint32{27}}, Log: slog.New(slog.DiscardHandler)})
	st := unjudged("alice")
	c := &call{who: &policy.Principal{UID: 1000, GID: 27, User: "alice"}, standing: &st}
	check := func(when string, want fault.Code) {
		t.Helper()
		for _, m := range methods {
			rule, _ := policy.ForMethod(m.name)
			err := s.judgeFirst(c, m)
			if worksSealed[m.action] || rule.Scope == policy.ScopePublic {
				if err != nil {
					t.Errorf("%s: %s: %v", when, m.name, err)
				}
			} else if !errors.Is(err, &fault.Error{Code: want}) {
				t.Errorf("%s: %s: %v, want %s", when, m.name, err, want)
			}
		}
	}
	check("no vault", fault.CodeNotInitialized)
	if _, err := v.Init(t.Context(), []byte("correct horse battery staple"), 600_000); err != nil {
		t.Fatal(err)
	}
	check("open by now", fault.CodeBusy)
	if err := v.Seal(); err != nil {
		t.Fatal(err)
	}
	check("sealed", fault.CodeSealed)
	c.standing = &standing{user: "alice", verdict: "known"}
	for _, m := range methods {
		if err := s.judgeFirst(c, m); err != nil {
			t.Errorf("judged: %s: %v", m.name, err)
		}
	}
}

// Uids that no account has, of which a user namespace can have many, are
// remembered up to a bound.
func TestNamelessAreBounded(t *testing.T) {
	p := newPrincipals(Config{Policy: &policy.Policy{DaemonUID: 1}, Log: slog.New(slog.DiscardHandler), Accounts: new(peer.Resolver)}, nil)
	if err := p.fromVault(&vault.PolicyRecords{}); err != nil {
		t.Fatal(err)
	}
	for uid := range uint32(3 * maxNameless) {
		if s, _, ok := p.judge(100_000+uid, "", p.epoch.Load()); !ok || s.refused() {
			t.Fatalf("judged as %+v, %v", s, ok)
		}
	}
	if len(p.standings) > maxNameless {
		t.Errorf("%d remembered", len(p.standings))
	}
}
