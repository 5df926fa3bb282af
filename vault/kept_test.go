package vault_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vaultd/vaultd/vault"
)

const (
	grantA = "000102030405060708090a0b0c0d0e0f"
	grantB = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
)

// told is what OnPolicyRecords tells, written down.
type told struct {
	grants, uses, principals []vault.Kept
	calls                    int
	err                      error
}

func (g *told) take(k *vault.PolicyRecords) error {
	g.calls++
	g.grants, g.uses, g.principals = nil, nil, nil
	if k != nil {
		g.grants, g.uses, g.principals = k.Grants, k.Uses, k.Principals
	}
	return g.err
}

func TestGrantsOutliveASeal(t *testing.T) {
	r := newRig(t)
	var seen told
	r.OnPolicyRecords(seen.take)
	a, b := vault.Kept{ID: grantA, Body: []byte("a")}, vault.Kept{ID: grantB, Body: []byte("b")}
	for _, g := range []vault.Kept{b, a} {
		must(t, r.AddGrant(ctx, g))
	}
	r.wantCode(r.AddGrant(ctx, a), vault.CodeBadArgument) // an id is taken once
	for range 3 {                                         // uses replace those before
		must(t, r.SaveGrantUses(ctx, []vault.Kept{{ID: grantA, Body: []byte("1")}, {ID: grantB, Body: []byte("2")}}))
	}
	must(t, r.Seal())
	if seen.grants != nil || seen.uses != nil || seen.calls != 1 {
		t.Errorf("at seal: %+v", seen)
	}
	r.unseal()
	if diff := cmp.Diff([]vault.Kept{a, b}, seen.grants); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]vault.Kept{{ID: grantA, Body: []byte("1")}, {ID: grantB, Body: []byte("2")}}, seen.uses); diff != "" {
		t.Error(diff)
	}
	must(t, r.RemoveGrant(ctx, grantA))
	r.wantCode(r.RemoveGrant(ctx, grantA), vault.CodeGrantNotFound)
	must(t, r.Seal())
	r.unseal()
	if diff := cmp.Diff([]vault.Kept{b}, seen.grants); diff != "" || len(seen.uses) != 1 {
		t.Error(diff, seen.uses)
	}
}

// Where the policy can't take the grants, the vault stays sealed: without its
// denials too much would be allowed.
func TestGrantsThatCannotBeInForceKeepTheVaultSealed(t *testing.T) {
	r := newRig(t)
	seen := told{err: errors.New("no")}
	must(t, r.Seal())
	r.OnPolicyRecords(seen.take)
	if _, err := r.Unseal(ctx, []byte(password), false); !errors.Is(err, seen.err) {
		t.Fatalf("unsealed: %v", err)
	}
	if !r.Status().Sealed {
		t.Fatal("it is open")
	}
	seen.err = nil
	r.unseal()
}

// A vault tells of what it keeps before it is open, and of nothing when it is
// new, so that who listens knows that it may keep something from then on.
func TestPolicyIsToldOfANewVault(t *testing.T) {
	v, err := vault.New(vault.Options{Dir: filepath.Join(t.TempDir(), "new")})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var seen told
	v.OnPolicyRecords(func(k *vault.PolicyRecords) error {
		if !v.Status().Sealed {
			t.Error("it was open before the policy knew")
		}
		return seen.take(k)
	})
	if _, err := v.Init(ctx, []byte(password), 600_000); err != nil {
		t.Fatal(err)
	}
	if seen.calls != 1 || seen.grants == nil || seen.uses == nil || seen.principals == nil || len(seen.principals) != 0 {
		t.Errorf("%+v", seen)
	}
}

func TestPrincipalsOutliveASeal(t *testing.T) {
	r := newRig(t)
	var seen told
	r.OnPolicyRecords(seen.take)
	one, two := vault.Kept{ID: "1000", Body: []byte("alice")}, vault.Kept{ID: "0", Body: []byte("root")}
	must(t, r.SavePrincipals(ctx, []vault.Kept{one, two}))
	one.Body = []byte("alicia")
	must(t, r.SavePrincipals(ctx, []vault.Kept{one}))
	must(t, r.Seal())
	r.wantCode(r.SavePrincipals(ctx, []vault.Kept{one}), vault.CodeSealed)
	r.unseal()
	if diff := cmp.Diff([]vault.Kept{two, one}, seen.principals); diff != "" || len(seen.grants) != 0 {
		t.Error(diff, seen.grants)
	}
	r.close()
	if rep := r.check(false, password); !rep.OK() || len(rep.Findings) != 0 || !rep.Complete {
		t.Errorf("report %+v", rep)
	}
}

// Several principals change together or not at all.
func TestPrincipalsAreOneBatch(t *testing.T) {
	r := newRig(t)
	var seen told
	r.OnPolicyRecords(seen.take)
	good := vault.Kept{ID: "1000", Body: []byte("x")}
	for name, bad := range map[string]vault.Kept{
		"no uid":          {Body: []byte("x")},
		"not a number":    {ID: "alice", Body: []byte("x")},
		"another writing": {ID: "01000", Body: []byte("x")},
		"negative":        {ID: "-1", Body: []byte("x")},
		"too large a uid": {ID: "4294967296", Body: []byte("x")},
		"a grant's id":    {ID: grantA, Body: []byte("x")},
		"empty":           {ID: "1001"},
		"too long":        {ID: "1001", Body: make([]byte, 64<<10+1)},
	} {
		if err := r.SavePrincipals(ctx, []vault.Kept{good, bad}); !errors.Is(err, &vault.Error{Code: vault.CodeBadArgument}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.wantCode(r.SavePrincipals(ctx, make([]vault.Kept, 129)), vault.CodeBadArgument)
	must(t, r.Seal())
	r.unseal()
	if len(seen.principals) != 0 {
		t.Errorf("kept %v", seen.principals)
	}
}

func TestGrantBounds(t *testing.T) {
	r := newRig(t)
	for name, g := range map[string]vault.Kept{
		"no id":      {Body: []byte("x")},
		"upper case": {ID: strings.ToUpper(grantB), Body: []byte("x")},
		"empty":      {ID: grantA},
		"too long":   {ID: grantA, Body: make([]byte, 64<<10+1)},
	} {
		if err := r.AddGrant(ctx, g); !errors.Is(err, &vault.Error{Code: vault.CodeBadArgument}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
