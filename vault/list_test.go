package vault_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/vault"
)

func names(keys []vault.KeyInfo) []string {
	var out []string
	for _, k := range keys {
		out = append(out, k.Name.String())
	}
	return out
}

func TestListKeysInOrder(t *testing.T) {
	r := newRig(t)
	// '-' sorts before '/', so that ordering the joined names would be wrong.
	all := []string{"a/x", "a-b/a", "a-b/z", "b/1", "b/2", "b/3"}
	for i, n := range all {
		r.createWith(vault.CreateKey{Name: r.name(n), Labels: map[string]string{"odd": fmt.Sprint(i % 2)}})
	}
	want := []string{"a/x", "a-b/a", "a-b/z", "b/1", "b/2", "b/3"}
	for size := 1; size <= 7; size++ {
		var got []string
		token := ""
		for {
			page, next, err := r.ListKeys(ctx, vault.ListKeys{PageSize: size, PageToken: token})
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, names(page)...)
			if next == "" {
				break
			}
			if len(page) != size {
				t.Fatalf("a page of %d has %d", size, len(page))
			}
			token = next
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d: %v", size, got)
		}
	}
	page, next, err := r.ListKeys(ctx, vault.ListKeys{Labels: map[string]string{"odd": "1"}})
	if err != nil || next != "" || !slices.Equal(names(page), []string{"a-b/a", "b/1", "b/3"}) {
		t.Errorf("by label: %v, %q, %v", names(page), next, err)
	}
	page, _, err = r.ListKeys(ctx, vault.ListKeys{Owner: "a-b"})
	if err != nil || !slices.Equal(names(page), []string{"a-b/a", "a-b/z"}) {
		t.Errorf("by owner: %v, %v", names(page), err)
	}
	page, _, err = r.ListKeys(ctx, vault.ListKeys{Owner: "nobody"})
	if err != nil || len(page) != 0 {
		t.Errorf("of nobody: %v, %v", names(page), err)
	}
	r.reopen()
	page, _, err = r.ListKeys(ctx, vault.ListKeys{})
	if err != nil || !slices.Equal(names(page), want) {
		t.Errorf("after a restart: %v, %v", names(page), err)
	}
}

// A listing goes on where it was, whatever comes or goes meanwhile.
func TestPagesAreStableUnderChange(t *testing.T) {
	r := newRig(t)
	for _, n := range []string{"b", "d", "f", "h"} {
		r.create("o/"+n, "")
	}
	page, next, err := r.ListKeys(ctx, vault.ListKeys{Owner: "o", PageSize: 2})
	if err != nil || len(page) != 2 {
		t.Fatal(names(page), err)
	}
	r.create("o/a", "")
	r.create("o/e", "")
	if _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("o/d")}); err != nil {
		t.Fatal(err)
	}
	page, next, err = r.ListKeys(ctx, vault.ListKeys{Owner: "o", PageSize: 10, PageToken: next})
	if err != nil || next != "" || !slices.Equal(names(page), []string{"o/e", "o/f", "o/h"}) {
		t.Errorf("second page: %v, %q, %v", names(page), next, err)
	}
	page, _, _ = r.ListKeys(ctx, vault.ListKeys{IncludeDestroyed: true})
	if !slices.Equal(names(page), []string{"o/a", "o/b", "o/d", "o/e", "o/f", "o/h"}) {
		t.Errorf("with destroyed: %v", names(page))
	}
}

func TestPageTokensFitTheirList(t *testing.T) {
	r := newRig(t)
	for _, n := range []string{"a/1", "a/2", "b/1", "b/2"} {
		r.create(n, "")
	}
	_, next, err := r.ListKeys(ctx, vault.ListKeys{Owner: "a", PageSize: 1})
	if err != nil || next == "" {
		t.Fatal(next, err)
	}
	for _, c := range []vault.ListKeys{
		{Owner: "b", PageToken: next},
		{PageToken: next},
		{Owner: "a", PageToken: next + "A"},
		{Owner: "a", PageToken: "not a token"},
		{Owner: "a", PageSize: 1001},
		{Owner: "a", PageSize: -1},
		{Owner: "a/b"},
	} {
		_, _, err := r.ListKeys(ctx, c)
		r.wantCode(err, vault.CodeBadArgument)
	}
	_, _, err = r.ListOwners(ctx, 0, next)
	r.wantCode(err, vault.CodeBadArgument)
}

func TestListOwners(t *testing.T) {
	r := newRig(t)
	for _, n := range []string{"carol/k", "alice/k", "bob/k"} {
		r.create(n, "")
	}
	if _, err := r.CreateOwner(ctx, "service"); err != nil {
		t.Fatal(err)
	}
	_, err := r.CreateOwner(ctx, "alice")
	r.wantCode(err, vault.CodeOwnerExists)
	_, err = r.ShowOwner(ctx, "nobody")
	r.wantCode(err, vault.CodeOwnerNotFound)
	var got []string
	token := ""
	for {
		page, next, err := r.ListOwners(ctx, 3, token)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page {
			got = append(got, fmt.Sprintf("%s:%d", o.Name, o.Keys))
		}
		if token = next; token == "" {
			break
		}
	}
	if !slices.Equal(got, []string{"alice:1", "bob:1", "carol:1", "service:0"}) {
		t.Errorf("owners %v", got)
	}
}

func TestListRevocationsPages(t *testing.T) {
	r := newRig(t)
	for i := range 5 {
		r.create(fmt.Sprintf("alice/k%d", i), "")
	}
	for i := range 3 {
		if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name(fmt.Sprintf("alice/k%d", i)), By: "alice"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := r.RevokeOwner(ctx, vault.RevokeOwner{Name: "bob"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("alice/k4")}); err != nil {
		t.Fatal(err)
	}
	var got []string
	token := ""
	for {
		page, next, err := r.ListRevocations(ctx, "", 2, token)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			got = append(got, e.Kind+" "+e.Name)
		}
		if token = next; token == "" {
			break
		}
	}
	want := []string{"key alice/k0", "key alice/k1", "key alice/k2", "destroyed alice/k4", "owner bob"}
	if !slices.Equal(got, want) {
		t.Errorf("revocations %v", got)
	}
	page, _, err := r.ListRevocations(ctx, "bob", 0, "")
	if err != nil || len(page) != 1 {
		t.Errorf("of bob: %v, %v", page, err)
	}
}

func TestLabels(t *testing.T) {
	r := newRig(t)
	info := r.createWith(vault.CreateKey{Name: r.name("a/k"), Labels: map[string]string{"team": "größe", "empty": ""}})
	if len(info.Labels) != 2 || info.Labels["team"] != "größe" {
		t.Errorf("labels %v", info.Labels)
	}
	many := map[string]string{}
	for i := range 65 {
		many[fmt.Sprint(i)] = ""
	}
	for _, l := range []map[string]string{
		many, {"": "x"}, {strings.Repeat("k", 64): ""}, {"k": strings.Repeat("v", 256)}, {"k\n": ""}, {"k": "\x1b[2J"}, {"k": "\xff"},
	} {
		_, err := r.CreateKey(ctx, vault.CreateKey{Name: r.name("a/bad"), Labels: l})
		r.wantCode(err, vault.CodeBadArgument)
	}
}
