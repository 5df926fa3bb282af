//go:build linux

package packages

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// The shells that run the maintainer scripts: Debian's is dash, others bash.
func TestScriptsAreShell(t *testing.T) {
	scripts, err := filepath.Glob("../../packaging/scripts/*/*")
	if err != nil || len(scripts) < 10 {
		t.Fatalf("%v, %q", err, scripts)
	}
	for _, script := range append(scripts, "../../packaging/openrc/vaultd", "../../packaging/build", "../../packaging/test", "../../packaging/reproducible") {
		for _, shell := range []string{"dash", "bash"} {
			if _, err := exec.LookPath(shell); err != nil {
				continue
			}
			if out, err := exec.Command(shell, "-n", script).CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", shell, err, out)
			}
		}
	}
}
