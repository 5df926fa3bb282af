package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every "yes" of the comparison names tests that there are.
func TestComparisonIsProven(t *testing.T) {
	const page = "../../docs/COMPARISON.md"
	b, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\[(Test\w+)\]\(([^)]+_test\.go)\)`)
	rows := 0
	for line := range strings.Lines(string(b)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 5 || strings.HasPrefix(line, "| |") || strings.HasPrefix(line, "|---") {
			continue
		}
		rows++
		proofs := link.FindAllStringSubmatch(cells[2], -1)
		if yes := strings.TrimSpace(cells[1]) == "yes"; yes != (len(proofs) > 0) {
			t.Errorf("%s: yes is %v, with %d proofs", strings.TrimSpace(cells[0]), yes, len(proofs))
		}
		for _, p := range proofs {
			source, err := os.ReadFile(filepath.Join(filepath.Dir(page), filepath.FromSlash(p[2])))
			if err != nil || !strings.Contains(string(source), "\nfunc "+p[1]+"(") {
				t.Errorf("%s: there is no %s in %s", strings.TrimSpace(cells[0]), p[1], p[2])
			}
		}
	}
	if rows < 60 {
		t.Errorf("%d rows", rows)
	}
}
