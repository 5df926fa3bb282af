//go:build unix

package rig

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// Main runs a package's tests and removes what Program left behind.
//
//	func TestMain(m *testing.M) { rig.Main(m) }
func Main(m *testing.M) {
	code := m.Run()
	Clean()
	os.Exit(code)
}

// Clean removes the programs. A TestMain that does not use Main calls it.
func Clean() {
	built.Lock()
	defer built.Unlock()
	if built.dir != "" {
		if err := os.RemoveAll(built.dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

var built struct {
	sync.Mutex
	dir      string
	programs map[string]error // how their build ended
}

// Program returns the path of vaultd or vaultctl, built from this tree once
// per test binary. Other users may run it.
func Program(t testing.TB, name string) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	if built.dir == "" {
		dir, err := os.MkdirTemp("", "vaultd-bin-")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		built.dir, built.programs = dir, map[string]error{}
	}
	target := filepath.Join(built.dir, name)
	err, done := built.programs[name]
	if !done {
		err = build(target, name)
		built.programs[name] = err
	}
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func build(target, name string) error {
	compile := exec.Command("go", "build", "-o", target, "./cmd/"+name)
	var err error
	if compile.Dir, err = Root(); err != nil {
		return err
	}
	if out, err := compile.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", name, err, out)
	}
	return nil
}

// Root is the directory of this module.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		above := filepath.Dir(dir)
		if above == dir {
			return "", errors.New("no go.mod above the test's directory")
		}
		dir = above
	}
}
