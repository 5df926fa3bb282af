package policy

import "testing"

func TestAuthorize(t *testing.T) {
	p := &Policy{DaemonUID: 990, AdminGroups: []uint32{27}}
	alice := &Principal{UID: 1000, GID: 1000, User: "alice"}
	nameless := &Principal{UID: 1001, GID: 1001}
	root := &Principal{UID: 0, GID: 0, User: "root"}
	daemon := &Principal{UID: 990, GID: 990, User: "vaultd"}
	admin := &Principal{UID: 1002, GID: 1002, Groups: []uint32{5, 27}, User: "ada"}
	adminPrimary := &Principal{UID: 1003, GID: 27, User: "bea"}

	for _, c := range []struct {
		name string
		who  *Principal
		act  Action
		res  Resource
		want Decision
	}{
		{"own key", alice, Encrypt, Resource{"alice", "k"}, Decision{Allowed: true, Rule: "owner"}},
		{"foreign key", alice, Encrypt, Resource{"bob", "k"}, Decision{Rule: "default-deny"}},
		{"no namespace", alice, ListKeys, Resource{}, Decision{Rule: "default-deny"}},
		{"case matters", alice, Encrypt, Resource{"Alice", "k"}, Decision{Rule: "default-deny"}},
		{"unknown account, no owner", nameless, ListKeys, Resource{}, Decision{Rule: "default-deny"}},
		{"unknown account", nameless, Encrypt, Resource{"alice", "k"}, Decision{Rule: "default-deny"}},
		{"status is public", nameless, Status, Resource{}, Decision{Allowed: true, Rule: "public"}},
		{"user may not seal", alice, Seal, Resource{}, Decision{Rule: "default-deny"}},
		{"user may not revoke itself", alice, RevokeOwner, Resource{Owner: "alice"}, Decision{Rule: "default-deny"}},
		{"root", root, Seal, Resource{}, Decision{Allowed: true, Rule: "root"}},
		{"daemon", daemon, Decrypt, Resource{"alice", "k"}, Decision{Allowed: true, Rule: "daemon-user"}},
		{"admin by supplementary group", admin, RevokeOwner, Resource{Owner: "alice"}, Decision{Allowed: true, Rule: "admin-group"}},
		{"admin by primary group", adminPrimary, Init, Resource{}, Decision{Allowed: true, Rule: "admin-group"}},
		{"unknown action, root", root, "key.steal", Resource{}, Decision{Rule: "default-deny"}},
		{"nobody", nil, Status, Resource{}, Decision{Rule: "default-deny"}},
	} {
		if got := p.Authorize(c.who, c.act, c.res); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestEveryActionHasOneRule(t *testing.T) {
	seenA, seenM := map[Action]bool{}, map[string]bool{}
	for _, r := range Rules() {
		if seenA[r.Action] || seenM[r.Method] {
			t.Errorf("%v appears twice", r)
		}
		seenA[r.Action], seenM[r.Method] = true, true
		if r.Scope < ScopePublic || r.Scope > ScopeOwner {
			t.Errorf("%s has no scope", r.Action)
		}
		if got, ok := ForMethod(r.Method); !ok || got != r {
			t.Errorf("ForMethod(%q) = %v, %v", r.Method, got, ok)
		}
	}
	if _, ok := ForMethod("Steal"); ok {
		t.Error("an unknown method has a rule")
	}
}

// Only administrators ever decide about the vault as a whole.
func TestVaultActionsAreForAdministrators(t *testing.T) {
	for _, a := range []Action{Init, Unseal, Seal, ChangePassword, CreateOwner, RevokeOwner, ReinstateOwner} {
		if byAction[a].Scope != ScopeAdmin {
			t.Errorf("%s is not for administrators only", a)
		}
	}
}

// An account that changed behind its uid is nobody, whatever groups the kernel
// says it is in; root and the daemon's user never change.
func TestChangedAdministratorIsNobody(t *testing.T) {
	p := &Policy{DaemonUID: 990, AdminGroups: []uint32{27}}
	for _, c := range []struct {
		who  *Principal
		want bool
	}{
		{&Principal{UID: 1002, GID: 27, Groups: []uint32{27}, User: "ada", Changed: true}, false},
		{&Principal{UID: 1002, GID: 27, Groups: []uint32{27}, User: "ada"}, true},
		{&Principal{UID: 0, Changed: true}, true},
		{&Principal{UID: 990, Changed: true}, true},
	} {
		if rule, admin := p.IsAdmin(c.who); admin != c.want {
			t.Errorf("%+v: administrator %v by %q", c.who, admin, rule)
		}
		if c.want == (c.who.UID == 0 || c.who.UID == 990) && p.IsSupreme(c.who.UID) != c.want {
			t.Errorf("uid %d: supreme %v", c.who.UID, !c.want)
		}
	}
	e := p.Explain(&Principal{UID: 1002, GID: 27, User: "ada", Changed: true}, RevokeOwner, Resource{Owner: "ada"}, nil)
	if e.Allowed || e.Rule != RuleChanged {
		t.Errorf("explained as %+v", e.Decision)
	}
}

// Other administrators decide the next request, also of callers known already.
func TestAdministratorsChange(t *testing.T) {
	p := &Policy{DaemonUID: 990, AdminGroups: []uint32{27}}
	old, next := p.Caller(&Principal{UID: 1002, GID: 27, User: "ada"}), p.Caller(&Principal{UID: 1003, GID: 28, User: "bea"})
	check := func(when string, oldIs, nextIs bool) {
		t.Helper()
		if old.Decide(Seal, Resource{}, nil).Allowed != oldIs || next.Decide(Seal, Resource{}, nil).Allowed != nextIs {
			t.Errorf("%s: the wrong ones are administrators", when)
		}
	}
	check("at first", true, false)
	gids := []uint32{28}
	p.SetAdminGroups(gids)
	gids[0] = 27
	check("changed", false, true)
	p.SetAdminGroups(nil)
	check("none any more", false, false)
}
