package policyfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/vault/policy"
)

// The manual's examples are valid, and it lists every key and verb.
func TestManual(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "POLICY.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	examples := 0
	for rest := text; ; examples++ {
		_, after, found := strings.Cut(rest, "```toml\n")
		if !found {
			break
		}
		example, after, _ := strings.Cut(after, "```")
		if _, errs := Parse("manual", []byte(example)); errs != nil {
			t.Errorf("example %d: %v", examples+1, errs)
		}
		rest = after
	}
	if examples == 0 {
		t.Error("the manual has no examples")
	}
	for _, name := range append(policy.Verbs(), fieldNames...) {
		if !strings.Contains(text, "`"+name) && !strings.Contains(text, name+" ") {
			t.Errorf("the manual does not have %s", name)
		}
	}
}
