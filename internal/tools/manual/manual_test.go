package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCodeIsLiteral(t *testing.T) {
	got := string(render(page{name: "x", section: "7", source: "docs/X.md", about: "y"}, "z", []byte("# title\n\nSay `vaultctl --help`.\n\n```sh\n.hidden 'a' ~/b \\n\n```\n")))
	for _, want := range []string{`.TH "X" 7 "z"`, `x \- y`, `\fBvaultctl \-\-help\fR`, "\n\\&.hidden \\(aqa\\(aq \\(ti/b \\en\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if strings.Contains(got, "title") {
		t.Error("the document's title is in the page")
	}
}

func TestTablesAreLists(t *testing.T) {
	table := "# t\n\n| a | b | c |\n|---|---|---|\n| `k` | is *so* | |\n| l | m | n |\n"
	got := string(render(page{name: "x", section: "5", source: "docs/X.md"}, "z", []byte(table)))
	for _, want := range []string{".TP\n\\fBk\\fR\nb: is \\fIso\\fP\n", ".TP\nl\nb: m;\nc: n\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}

func TestLinksLeadToPages(t *testing.T) {
	got := string(render(page{name: "x", section: "7", source: "docs/X.md"}, "z", []byte("# t\n\nSee [the log](AUDIT.md) and [a](https://a.example/b-c).\n")))
	for _, want := range []string{`the log (see \fBvaultd\-audit\fR(7))`, `a \(lahttps://a.example/b\-c\(ra`} {
		if !strings.Contains(strings.ReplaceAll(got, "\n", " "), want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}

func TestConfigurationIsDescribed(t *testing.T) {
	got, err := describe([]byte("# about\n# it\n\n[a]\n# Both.\nx = 1\ny = \"#\"\nz = 2  # third\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := "title\n\nabout\nit\n\n## [a]\n\n`x = 1`, `y = \"#\"`\n: Both.\n\n`z = 2`\n: third\n\n"
	if string(got) != want {
		t.Errorf("%s", got)
	}
	for _, bad := range []string{"", "x = 1\n", "[a]\nx = [\n1\n]\n", "[a]\nx = 1\n"} {
		if _, err := describe([]byte(bad)); err == nil {
			t.Errorf("%q is described", bad)
		}
	}
}

func TestEveryPageIsMade(t *testing.T) {
	out := t.TempDir()
	for _, p := range pages {
		if err := write("../../..", out, "2026-01-01", p); err != nil {
			t.Errorf("%s: %v", p.file(), err)
			continue
		}
		made, err := os.ReadFile(filepath.Join(out, "man"+p.section, p.file()))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(made)) {
			if strings.Contains(line, "](") || strings.HasPrefix(line, "|") {
				t.Errorf("%s has Markdown left: %s", p.file(), line)
			}
		}
	}
}
