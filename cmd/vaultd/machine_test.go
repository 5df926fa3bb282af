package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

func TestMachineID(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	for _, c := range []struct {
		name, content, want string
	}{
		{"an id", id + "\n", "85dfba53fb0a89bdbb55b46c7f0f8804"},
		{"without a line feed", id, "85dfba53fb0a89bdbb55b46c7f0f8804"},
		{"a container's", "", ""},
		{"not set up yet", "uninitialized\n", ""},
		{"too short", id[:30], ""},
	} {
		path := filepath.Join(t.TempDir(), "machine-id")
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := machineID(path, slog.New(slog.DiscardHandler)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if got := machineID(filepath.Join(t.TempDir(), "none"), slog.New(slog.DiscardHandler)); got != "" {
		t.Errorf("no file: %q", got)
	}
}
