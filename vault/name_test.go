package vault_test

import (
	"strings"
	"testing"

	"github.com/vaultd/vaultd/vault"
)

func TestParseName(t *testing.T) {
	long := strings.Repeat("a", 128)
	for _, s := range []string{"alice/data", "_svc/x", "Alice/K", "a/0", "a.b-c_d/A.b_c-1", long[:64] + "/" + long} {
		if n, err := vault.ParseName(s); err != nil || n.String() != s {
			t.Errorf("ParseName(%q) = %q, %v", s, n, err)
		}
	}
	for _, s := range []string{
		"", "/", "alice", "alice/", "/k", "alice/.k", "alice/-k", "alice/a/b", "1a/k", "-a/k", ".a/k", "alice/k ", " alice/k",
		"alice/ä", "al ice/k", "alice/k\n", "alice/k\x00", long[:65] + "/k", "a/" + long + "a", "SHA256:x/y",
	} {
		n, err := vault.ParseName(s)
		if err == nil {
			t.Errorf("ParseName(%q) = %q", s, n)
			continue
		}
		if e, ok := err.(*vault.Error); !ok || e.Code != vault.CodeBadArgument || e.Message == "" {
			t.Errorf("ParseName(%q): %v", s, err)
		}
	}
}
