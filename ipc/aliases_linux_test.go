package ipc_test

import (
	"fmt"
	"regexp"
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// A grant speaks of the key, whatever it is called: an alias gives no right and
// takes none, and tells who is denied nothing.
func TestAliasGivesNoRight(t *testing.T) {
	ctx := t.Context()
	d, forms := withBob(t, nil, `"verbs":["encrypt"],"keys":["root/a","root/of-b"]`, `"verbs":["set_alias"],"keys":["root/of-a"]`)
	root := d.dial(t)
	setAlias(t, root, "root/of-a", "root/a")
	setAlias(t, root, "root/of-b", "root/b") // a grant on the alias's name is none on the key
	for form, c := range forms {
		set := func(name, key string) error {
			_, err := c.SetAlias(ctx, &vaultdv1.SetAliasRequest{Name: name, Key: key})
			return err
		}
		wantCode(t, form+", alias of a", encrypt(ctx, "root/of-a")(c), "")
		err := encrypt(ctx, "root/of-b")(c)
		wantCode(t, form+", alias of b", err, denied)
		wantCode(t, form+", moves to b", set("root/of-a", "root/b"), denied)
		wantCode(t, form+", moves what is not granted", set("root/of-b", "root/a"), denied)

		id := regexp.MustCompile(`explain ([0-9a-f]{16})`).FindStringSubmatch(fmt.Sprint(err))
		if id == nil {
			t.Fatalf("%s: %v", form, err)
		}
		why, err := c.Explain(ctx, &vaultdv1.ExplainRequest{Decision: id[1]})
		if err != nil || why.GetResource() != "root/of-b" {
			t.Errorf("%s: who is denied is told of %q, %v", form, why.GetResource(), err)
		}
		can := func(resource string) bool {
			r, err := c.Can(ctx, &vaultdv1.CanRequest{Action: "encrypt", Resource: resource})
			if err != nil {
				t.Fatal(err)
			}
			return r.GetAllowed()
		}
		if !can("root/of-a") || can("root/of-b") {
			t.Errorf("%s: can encrypt by the alias of a: %t, of b: %t", form, can("root/of-a"), can("root/of-b"))
		}
		batch, err := c.Batch(ctx, &vaultdv1.BatchRequest{Items: []*vaultdv1.BatchItem{
			encryptItem("root/of-a", "1"), encryptItem("root/of-b", "2"), encryptItem("root/b", "3"), encryptItem("root/a", "4"),
		}})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []fault.Code{"", denied, denied, ""} {
			if got := codes(batch)[i]; got != want {
				t.Errorf("%s: item %d: %q, want %q", form, i, got, want)
			}
		}
	}
}
