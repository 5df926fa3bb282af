package vault_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault"
)

func TestSearchFindsWhatIsAllThatIsAsked(t *testing.T) {
	r := newRig(t)
	r.createWith(vault.CreateKey{Name: r.name("alice/web-1"), Labels: map[string]string{"env": "prod"}, TTL: time.Hour})
	r.createWith(vault.CreateKey{Name: r.name("alice/web-22"), Type: "ed25519", Labels: map[string]string{"env": "test", "team": "a"}})
	r.createWith(vault.CreateKey{Name: r.name("bob/web-1"), TTL: 48 * time.Hour})
	r.create("bob/gone", "")
	r.destroy("bob/gone")
	for what, c := range map[string]struct {
		search vault.KeySearch
		want   string
	}{
		"nothing":            {vault.KeySearch{}, "alice/web-1 alice/web-22 bob/gone bob/web-1"},
		"name":               {vault.KeySearch{Name: "web-?"}, "alice/web-1 bob/web-1"},
		"owner and name":     {vault.KeySearch{Name: "a*/*"}, "alice/web-1 alice/web-22"},
		"type":               {vault.KeySearch{Types: []string{"ed25519"}}, "alice/web-22"},
		"states":             {vault.KeySearch{States: []vault.KeyState{vault.StateDestroyed}}, "bob/gone"},
		"label of any value": {vault.KeySearch{HasLabels: []string{"env"}}, "alice/web-1 alice/web-22"},
		"two labels":         {vault.KeySearch{HasLabels: []string{"env", "team"}}, "alice/web-22"},
		"not a label":        {vault.KeySearch{NotLabels: map[string]string{"env": "prod"}}, "alice/web-22 bob/gone bob/web-1"},
		"expiring":           {vault.KeySearch{ExpiringWithin: 24 * time.Hour}, "alice/web-1"},
		"all at once":        {vault.KeySearch{Name: "web-*", HasLabels: []string{"env"}, NotLabels: map[string]string{"env": "prod"}}, "alice/web-22"},
	} {
		for _, size := range []int{1, 100} {
			var got []string
			list := vault.ListKeys{PageSize: size, IncludeDestroyed: true, KeySearch: c.search}
			for {
				page, next, err := r.ListKeys(ctx, list)
				if err != nil {
					t.Fatal(err)
				}
				for _, k := range page {
					got = append(got, k.Name.String())
				}
				if list.PageToken = next; next == "" {
					break
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s, %d a page: %q, want %q", what, size, got, c.want)
			}
		}
	}
	for what, search := range map[string]vault.KeySearch{
		"class":    {Name: "[a-z]"},
		"escape":   {Name: `a\*`},
		"long":     {Name: strings.Repeat("*", 1000)},
		"state":    {States: []vault.KeyState{77}},
		"types":    {Types: make([]string, 1000)},
		"negative": {ExpiringWithin: -1},
	} {
		_, _, err := r.ListKeys(ctx, vault.ListKeys{KeySearch: search})
		if code(err) != vault.CodeBadArgument {
			t.Errorf("%s: %v", what, err)
		}
	}
}
