package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vaultd/vaultd/internal/reference"
)

var update = flag.Bool("update", false, "write docs/vaultd.md anew")

// TestReference holds docs/vaultd.md to the commands' own help. After a change:
// go test ./cmd/vaultd -run TestReference -update
func TestReference(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "vaultd.md")
	want := reference.Markdown(newCommand(nil))
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("the reference is not the help's; write it anew with -update: %s", diff)
	}
}
