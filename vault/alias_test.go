package vault_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/vaultd/vaultd/vault"
)

func (r *rig) point(alias, key string) {
	r.Helper()
	if _, _, err := r.SetAlias(ctx, r.name(alias), r.name(key)); err != nil {
		r.Fatal(err)
	}
}

// wantPoints checks where an alias points, "" for nowhere.
func (r *rig) wantPoints(alias, key string) {
	r.Helper()
	a, err := r.ShowAlias(ctx, r.name(alias))
	if key == "" {
		r.wantCode(err, vault.CodeAliasNotFound)
		return
	}
	to, is := r.Resolve(r.name(alias))
	if err != nil || a.Key.String() != key || !is || to != a.Key {
		r.Errorf("%s points to %s, resolves to %s: %v; want %s", alias, a.Key, to, err, key)
	}
}

func TestAliasSurvivesSealing(t *testing.T) {
	r := newRig(t)
	r.create("alice/a", "")
	r.create("alice/b", "")
	r.point("alice/current", "alice/a")
	r.point("alice/gone", "alice/a")
	r.point("alice/current", "alice/b")
	if _, err := r.RemoveAlias(ctx, r.name("alice/gone")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r.wantPoints("alice/current", "alice/b")
		r.wantPoints("alice/gone", "")
		r.reopen()
	}
	r.point("alice/gone", "alice/b") // after its record was deleted
	r.point("alice/current", "alice/a")
	r.reopen()
	r.wantPoints("alice/gone", "alice/b")
	r.wantPoints("alice/current", "alice/a")
}

func TestAliasThatCannotBe(t *testing.T) {
	r := newRig(t)
	r.create("alice/a", "")
	r.create("alice/dead", "")
	r.create("alice/revoked", "")
	r.create("bob/b", "")
	r.destroy("alice/dead")
	if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name("alice/revoked")}); err != nil {
		t.Fatal(err)
	}
	r.point("alice/current", "alice/a")
	for _, c := range []struct {
		alias, key string
		want       vault.Code
	}{
		{"alice/x", "bob/b", vault.CodeBadArgument},
		{"alice/x", "alice/none", vault.CodeKeyNotFound},
		{"carol/x", "carol/none", vault.CodeKeyNotFound},
		{"alice/x", "alice/current", vault.CodeBadArgument},
		{"alice/current", "alice/current", vault.CodeBadArgument},
		{"alice/a", "alice/a", vault.CodeKeyExists},
		{"alice/dead", "alice/a", vault.CodeKeyExists},
		{"alice/x", "alice/dead", vault.CodeKeyDestroyed},
		{"alice/x", "alice/revoked", vault.CodeRevoked},
	} {
		_, _, err := r.SetAlias(ctx, r.name(c.alias), r.name(c.key))
		r.wantCode(err, c.want)
	}
	_, err := r.CreateKey(ctx, vault.CreateKey{Name: r.name("alice/current")})
	r.wantCode(err, vault.CodeKeyExists)
	_, err = r.RemoveAlias(ctx, r.name("alice/a"))
	r.wantCode(err, vault.CodeAliasNotFound)
	r.destroy("alice/a") // which leaves its aliases
	r.wantPoints("alice/current", "alice/a")
	if _, _, err := r.RevokeOwner(ctx, vault.RevokeOwner{Name: "alice"}); err != nil {
		t.Fatal(err)
	}
	_, _, err = r.SetAlias(ctx, r.name("alice/current"), r.name("alice/a"))
	r.wantCode(err, vault.CodeOwnerRevoked)
}

// Of a key and an alias that come to one name at the same time, one is refused.
func TestNameIsKeyOrAlias(t *testing.T) {
	r := newRig(t)
	r.create("alice/a", "")
	for i := range 20 {
		name := r.name(fmt.Sprintf("alice/n%d", i))
		var born, set error
		var both sync.WaitGroup
		both.Go(func() { _, born = r.CreateKey(ctx, vault.CreateKey{Name: name}) })
		both.Go(func() { _, _, set = r.SetAlias(ctx, name, r.name("alice/a")) })
		both.Wait()
		if (born == nil) == (set == nil) {
			t.Fatalf("%s: as a key %v, as an alias %v", name, born, set)
		}
	}
}

func TestListAliasesInPages(t *testing.T) {
	r := newRig(t)
	r.create("alice/a", "")
	r.create("alice.b/a", "")
	for i := range 5 {
		r.point(fmt.Sprintf("alice/n%d", i), "alice/a")
	}
	r.point("alice.b/z", "alice.b/a")
	for owner, want := range map[string]int{"": 6, "alice": 5, "alice.b": 1, "bob": 0} {
		var got []string
		c := vault.ListAliases{Owner: owner, PageSize: 2}
		for {
			page, next, err := r.ListAliases(ctx, c)
			if err != nil || len(page) > 2 {
				t.Fatalf("%d in a page, %v", len(page), err)
			}
			for _, a := range page {
				got = append(got, a.Name.String())
			}
			if c.PageToken = next; next == "" {
				break
			}
		}
		if len(got) != want {
			t.Errorf("of %q: %q", owner, got)
		}
	}
	_, next, err := r.ListAliases(ctx, vault.ListAliases{PageSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = r.ListAliases(ctx, vault.ListAliases{Owner: "alice", PageToken: next})
	r.wantCode(err, vault.CodeBadArgument)
}
