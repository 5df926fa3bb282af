package ipc

import (
	"errors"
	"log/slog"
	"os/user"
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

// A file of accounts that is written in place is empty for a moment. An account
// counts as gone when it is so at two looks.
func TestAccountThatIsGoneForAMomentIsNot(t *testing.T) {
	v, err := vault.New(vault.Options{Dir: filepath.Join(t.TempDir(), "vault")})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	misses := 0 // that are to come
	names := &peer.Resolver{Lookup: func(string) (*user.User, error) {
		if misses > 0 {
			misses--
			return nil, user.UnknownUserIdError(1000)
		}
		return &user.User{Username: "alice"}, nil
	}}
	s := NewServer(Config{Vault: v, Policy: &policy.Policy{DaemonUID: 1}, Accounts: names})
	p := s.principals
	if _, err := v.Init(t.Context(), []byte("correct horse battery staple"), 600_000); err != nil {
		t.Fatal(err)
	}
	want := func(what string, trusted bool) {
		t.Helper()
		if got, _ := p.current(1000); got.verdict.Trusted() != trusted || got.refused() == trusted || misses != 0 {
			t.Errorf("%s: %q with %d looks left; want it trusted: %v", what, got.verdict, misses, trusted)
		}
	}
	want("first", true)
	misses = 1
	p.observe(1000, p.names.Look)
	want("gone when it came", true)
	misses = 1
	p.lookAtAll(t.Context())
	want("gone when all were looked at", true)
	misses = 2
	p.lookAtAll(t.Context())
	want("gone twice", false)
	p.lookAtAll(t.Context())
	want("back", false)
	if _, err := p.adopt(1000); err != nil {
		t.Fatal(err)
	}
	misses = 2
	p.observe(1000, p.names.Look)
	want("gone twice when it came", false)
}

// What is found out about an account while an administrator decides is from
// before the decision.
func TestNameFromBeforeADecisionIsLookedUpAgain(t *testing.T) {
	v, err := vault.New(vault.Options{Dir: filepath.Join(t.TempDir(), "vault")})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	name := "alice"
	names := &peer.Resolver{Lookup: func(string) (*user.User, error) { return &user.User{Username: name}, nil }}
	p := NewServer(Config{Vault: v, Policy: &policy.Policy{DaemonUID: 1}, Accounts: names}).principals
	if _, err := v.Init(t.Context(), []byte("correct horse battery staple"), 600_000); err != nil {
		t.Fatal(err)
	}
	p.observe(1000, p.names.Look)
	name = "alicia"
	p.observe(1000, p.names.Look)
	asked := 0
	got, settled := p.observe(1000, func(uid uint32) (string, error) {
		if asked++; asked > 1 {
			return p.names.Look(uid)
		}
		if _, err := p.adopt(1000); err != nil {
			t.Fatal(err)
		}
		return "alice", nil // as it was called before
	})
	if got.refused() || got.user != "alicia" || !settled || asked != 2 {
		t.Errorf("%+v, settled %v after %d looks", got, settled, asked)
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
