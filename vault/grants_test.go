package vault_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vaultd/vaultd/vault"
)

const (
	grantA = "000102030405060708090a0b0c0d0e0f"
	grantB = "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
)

// told is what OnGrants tells, written down.
type told struct {
	grants, uses []vault.Grant
	calls        int
	err          error
}

func (g *told) take(grants, uses []vault.Grant) error {
	g.calls++
	g.grants, g.uses = grants, uses
	return g.err
}

func TestGrantsOutliveASeal(t *testing.T) {
	r := newRig(t)
	var seen told
	r.OnGrants(seen.take)
	a, b := vault.Grant{ID: grantA, Body: []byte("a")}, vault.Grant{ID: grantB, Body: []byte("b")}
	for _, g := range []vault.Grant{b, a} {
		must(t, r.AddGrant(ctx, g))
	}
	if err := r.AddGrant(ctx, a); err == nil {
		t.Error("an id was taken twice")
	}
	for range 3 { // uses replace those before
		must(t, r.SaveGrantUses(ctx, []vault.Grant{{ID: grantA, Body: []byte("1")}, {ID: grantB, Body: []byte("2")}}))
	}
	must(t, r.Seal())
	if seen.grants != nil || seen.uses != nil || seen.calls != 1 {
		t.Errorf("at seal: %+v", seen)
	}
	r.unseal()
	if diff := cmp.Diff([]vault.Grant{a, b}, seen.grants); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]vault.Grant{{ID: grantA, Body: []byte("1")}, {ID: grantB, Body: []byte("2")}}, seen.uses); diff != "" {
		t.Error(diff)
	}
	must(t, r.RemoveGrant(ctx, grantA))
	r.wantCode(r.RemoveGrant(ctx, grantA), vault.CodeGrantNotFound)
	must(t, r.Seal())
	r.unseal()
	if diff := cmp.Diff([]vault.Grant{b}, seen.grants); diff != "" || len(seen.uses) != 1 {
		t.Error(diff, seen.uses)
	}
}

// Where the policy can't take the grants, the vault stays sealed: without its
// denials too much would be allowed.
func TestGrantsThatCannotBeInForceKeepTheVaultSealed(t *testing.T) {
	r := newRig(t)
	seen := told{err: errors.New("no")}
	must(t, r.Seal())
	r.OnGrants(seen.take)
	if _, err := r.Unseal(ctx, []byte(password), false); !errors.Is(err, seen.err) {
		t.Fatalf("unsealed: %v", err)
	}
	if !r.Status().Sealed {
		t.Fatal("it is open")
	}
	seen.err = nil
	r.unseal()
}

func TestGrantBounds(t *testing.T) {
	r := newRig(t)
	for name, g := range map[string]vault.Grant{
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
