//go:build linux

package packages

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestManualIsClean(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(extracted(t), "usr/share/man/man*/*.gz"))
	if err != nil || len(pages) < 8 {
		t.Fatalf("%v, %q", err, pages)
	}
	for _, lint := range []struct {
		tool string
		args []string
	}{
		{"mandoc", []string{"-T", "lint", "-W", "style"}},
		{"man", []string{"--warnings", "-E", "UTF-8", "-l"}},
	} {
		t.Run(lint.tool, func(t *testing.T) {
			needTool(t, lint.tool)
			for _, page := range pages {
				cmd := exec.Command(lint.tool, append(lint.args, page)...)
				cmd.Env = append(cmd.Environ(), "LC_ALL=C.UTF-8", "MANROFFSEQ=")
				var errs strings.Builder
				cmd.Stderr = &errs
				out, err := cmd.Output()
				if lint.tool == "mandoc" {
					errs.Write(out)
				}
				if err != nil || errs.Len() > 0 {
					t.Errorf("%s: %v\n%s", page, err, &errs)
				}
			}
		})
	}
	t.Run("lexgrog", func(t *testing.T) {
		needTool(t, "lexgrog")
		for _, page := range pages {
			name, _, _ := strings.Cut(filepath.Base(page), ".gz")
			name = name[:len(name)-2]
			if out := run(t, nil, "lexgrog", page); !strings.Contains(out, `"`+name+" - ") {
				t.Errorf("%s is not found by its name: %s", page, out)
			}
		}
	})
}
