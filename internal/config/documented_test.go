package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// docs/CONFIGURATION.md has every setting, with its default and its effect.
func TestEverySettingIsDocumented(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "CONFIGURATION.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown, err := System().TOML()
	if err != nil {
		t.Fatal(err)
	}
	defaults := map[string]string{} // by "section.key"
	section := ""
	for line := range strings.Lines(string(shown)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(name, "]")
		} else if key, value, ok := strings.Cut(line, " = "); ok {
			defaults[section+"."+key] = value
		}
	}
	rows := map[string]bool{}
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "### ["); ok {
			section, _, _ = strings.Cut(name, "]")
		}
		if strings.HasPrefix(line, "| `") {
			cells := strings.Split(line, " | ")
			rows[section+" "+strings.Join(cells[:min(3, len(cells))], " | ")] = true
		}
	}
	count := 0
	System().each(System(), func(section, key string, _, _ reflect.Value) {
		effect := map[Effect]string{Live: "live", Restart: "restart"}[effects[section+"."+key]]
		want := section + " | `" + key + "` | `" + defaults[section+"."+key] + "` | " + effect
		if !rows[want] {
			t.Errorf("no row %q", want)
		}
		count++
	})
	if len(rows) != count {
		t.Errorf("%d rows, and %d settings", len(rows), count)
	}
}
