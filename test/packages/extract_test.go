//go:build linux

package packages

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// built is the one package in the directory that variable names whose name
// matches, or else the test is skipped.
func built(t *testing.T, variable, pattern string) string {
	t.Helper()
	dir := os.Getenv(variable)
	if dir == "" {
		t.Skip(variable + " names no packages; run make packages-test")
	}
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Skipf("no %s was built in %s", pattern, dir)
	}
	if len(found) > 1 {
		t.Fatalf("which one? %q", found)
	}
	return found[0]
}

func theDeb(t *testing.T) string { return built(t, "VAULTD_PACKAGES", "*.deb") }

func needTool(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed", name)
	}
}

// extracted is the root of what the deb installs.
func extracted(t *testing.T) string {
	t.Helper()
	needTool(t, "dpkg-deb")
	root := t.TempDir()
	run(t, nil, "dpkg-deb", "--extract", theDeb(t), root)
	return root
}

// run runs a program that must succeed, and returns what it writes.
func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(append(os.Environ(), "LC_ALL=C.UTF-8"), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, &out, &errs)
	}
	return out.String()
}

// entry is a file as a package has it.
type entry struct{ mode, owner, path string }

// debEntries lists what the deb installs, in order.
func debEntries(t *testing.T, deb string) []entry {
	t.Helper()
	needTool(t, "dpkg-deb")
	var all []entry
	for line := range strings.Lines(run(t, nil, "dpkg-deb", "--contents", deb)) {
		f := strings.Fields(line)
		link := len(f) == 8 && f[6] == "->" && f[0][0] == 'l'
		if len(f) != 6 && !link {
			t.Fatalf("what is this? %s", line)
		}
		all = append(all, entry{f[0], f[1], strings.TrimPrefix(f[5], ".")})
	}
	return all
}
