//go:build linux

package flip

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/test/faultfs"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
)

// check runs vaultd check on a vault at rest and returns its exit status.
func check(t *testing.T, home rig.Home, args ...string) (int, string) {
	t.Helper()
	config, err := home.WriteConfig()
	if err != nil {
		t.Fatal(err)
	}
	password := filepath.Join(home.Run, "password")
	if err := os.WriteFile(password, []byte(rig.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(rig.Context(t), rig.Program(t, "vaultd"), append([]string{"check", "--config", config}, args...)...)
	run.Env = home.Env()
	run.Dir = home.Run
	out, err := run.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case bytes.Contains(out, []byte("goroutine ")):
		t.Fatalf("vaultd check %v panics: %s", args, out)
	case errors.As(err, &exit):
		return exit.ExitCode(), string(out)
	case err != nil:
		t.Fatal(err)
	}
	return 0, string(out)
}

// What the daemon refuses to open for damage in one file, a repair brings back
// whole: everything is there twice.
func TestRepairOfOneFile(t *testing.T) {
	for _, clean := range []bool{true, false} {
		t.Run(map[bool]string{true: "after a clean stop", false: "after a crash"}[clean], func(t *testing.T) {
			s := newSpecimen(t, clean)
			for i, name := range s.names {
				data := bytes.Clone(s.files.Files[name].Data)
				if !strings.HasPrefix(name, "store/") || len(data) == 0 {
					continue
				}
				what := "flipped"
				switch (i + len(t.Name())) % 3 { // each way meets half of the files
				case 0:
					what, data = "cut", data[:len(data)/2]
				case 1:
					what, data = "removed", nil
				default:
					data[len(data)/3] ^= 0x10
				}
				t.Run(what+" "+name, func(t *testing.T) { s.repair(t, map[string][]byte{name: data}, true) })
			}
		})
	}
}

// Damage in several files: a repair brings everything back, or says that it
// can't; nothing in between.
func TestRepairOfSeveralFiles(t *testing.T) {
	s := newSpecimen(t, true)
	broken := func(names ...string) map[string][]byte {
		changes := map[string][]byte{}
		for _, name := range names {
			data := bytes.Clone(s.files.Files[name].Data)
			data[len(data)/2] ^= 1
			changes[name] = data
		}
		return changes
	}
	var tables []string
	for _, name := range s.names {
		if strings.HasSuffix(name, ".sst") {
			tables = append(tables, name)
		}
	}
	for what, changes := range map[string]map[string][]byte{
		"both journals":             broken("store/journal-1.a", "store/journal-1.b"),
		"a journal and the table":   broken(append(tables, "store/journal-1.b")...),
		"both headers":              broken("store/header", "store/header.backup"),
		"both keyrings":             broken("store/keyring", "store/keyring.backup"),
		"both journals and a table": broken(append(tables, "store/journal-1.a", "store/journal-1.b")...),
	} {
		t.Run(what, func(t *testing.T) { s.repair(t, changes, false) })
	}
}

// repair damages a vault, looks, repairs, and opens it. With must, a vault
// that is not whole afterwards is an error.
func (s *specimen) repair(t *testing.T, changes map[string][]byte, must bool) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "v")
	if err := s.with(changes).WriteTo(dir); err != nil {
		t.Fatal(err)
	}
	home := newHome(t, dir)
	password := filepath.Join(home.Run, "password")

	before, said := check(t, home, "--password-file", password)
	structure, _ := check(t, home)
	if before != 0 && before != 10 || structure != 0 && structure != 10 {
		t.Errorf("check exits %d and, without the password, %d: %s", before, structure, said)
	}
	untouched, err := faultfs.ReadImage(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := untouched.String(), s.with(changes).String(); got != want {
		t.Errorf("check alone changed files:\n%s\nbefore:\n%s", got, want)
	}
	after, mended := check(t, home, "--repair", "--password-file", password)
	t.Logf("check: %d, %srepair: %d, %s", before, said, after, mended)
	if after != 0 && (must || after != 10) {
		t.Fatalf("repair exits %d: %s", after, mended)
	}
	d := rig.MustStart(t, home)
	err = d.Unseal(rig.Context(t), rig.Password)
	if err == nil {
		err = s.gallery.Check(rig.Context(t), d.Client)
	}
	switch {
	case d.Panicked() || !d.Running():
		t.Errorf("the daemon crashed: %s", d.Log())
	case after == 0 && err != nil:
		t.Errorf("repaired, but: %v", err)
	case after != 0 && rig.Code(err).Class() != fault.ClassIntegrity:
		t.Errorf("beyond repair, but the vault answers %v", err)
	}
}
