package ipc_test

import (
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// Whoever may update a key must not take from it, or give it, the labels by which
// grants hold them back.
func TestLabelsThatHoldSomebodyBackAreNotTheirsToChange(t *testing.T) {
	update := `"verbs":["update","encrypt"],"keys":["root/*"]`
	deny := `"effect":"deny","user":"bob","verbs":["decrypt"],"keys":["root/*"],"labels":["class=secret"],"context":["tenant=1"]`
	d, forms := withBob(t, nil, update, `"verbs":["decrypt"],"keys":["root/*"],"labels":["shared","open=yes"]`)
	root, c, ctx := d.dial(t), forms["frames"], t.Context()
	if _, err := root.AddGrant(ctx, &vaultdv1.AddGrantRequest{Json: "{" + deny + "}"}); err != nil {
		t.Fatal(err)
	}
	relabel := func(who caller, set map[string]string, remove ...string) error {
		_, err := who.UpdateKey(ctx, &vaultdv1.UpdateKeyRequest{Name: "root/a", SetLabels: set, RemoveLabels: remove})
		return err
	}
	wantCode(t, "root labels it", relabel(root, map[string]string{"class": "secret", "team": "x"}), "")
	for _, step := range []struct {
		what   string
		set    map[string]string
		remove []string
		want   fault.Code
	}{
		{"lifting a deny", nil, []string{"class"}, denied},
		{"lifting it by another value", map[string]string{"class": "open"}, nil, denied},
		{"another label", map[string]string{"team": "y"}, nil, ""},
		{"the same labels", map[string]string{"class": "secret"}, nil, ""},
		{"half of what a grant asks for", map[string]string{"shared": "1"}, nil, ""},
		{"the other half", map[string]string{"open": "yes"}, nil, denied},
		{"away from the grant", nil, []string{"shared"}, ""},
	} {
		wantCode(t, step.what, relabel(c, step.set, step.remove...), step.want)
	}
	wantCode(t, "root", relabel(root, map[string]string{"shared": "1", "open": "yes"}, "class"), "")
}
