//go:build unix

package vault_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vaultd/vaultd/vault"
)

// killRestoreEnv makes the test binary a child that dies in a restore.
const killRestoreEnv = "VAULT_TEST_KILL_RESTORE_AT"

// dieDuringRestore never returns: it kills its own process at a step.
func dieDuringRestore(at string) {
	step, dir, _ := strings.Cut(at, "|")
	file, err := os.ReadFile(filepath.Join(dir, "backup"))
	if err == nil {
		o := restoreOptions(dir, file)
		o.Replace = true
		o.OnStep(func(now string) {
			if now == step {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		})
		_, err = vault.Restore(ctx, o)
	}
	fmt.Println("still alive:", err)
	os.Exit(3)
}

// Wherever a restore is killed, there is the old vault or the new one, whole,
// and another restore ends well.
func TestKilledDuringRestore(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		step string
		bare bool
		done bool // the new vault is in place
	}{
		{"filled", false, false},
		{"made", false, false},
		{"exchanged", false, true},
		{"placed", false, true},
		{"filled", true, false},
		{"made", true, false},
		{"anchored", true, false},
		{"placed", true, true},
	} {
		if testing.Short() && c.step != "made" {
			continue
		}
		r := newRig(t)
		r.create("alice/old", "")
		file := r.backup(vault.BackupOptions{})
		r.create("alice/new", "")
		if err := r.Vault.Close(); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Dir(r.dir)
		if c.bare {
			dir = t.TempDir()
		}
		if err := os.WriteFile(filepath.Join(dir, "backup"), file, 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), killRestoreEnv+"="+c.step+"|"+dir)
		out, err := cmd.CombinedOutput()
		var status *exec.ExitError
		if !errors.As(err, &status) || status.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			if c.step == "exchanged" {
				continue // a system that has no exchange
			}
			t.Fatalf("%s: the child was not killed: %v\n%s", c.step, err, out)
		}
		if !c.bare || c.done {
			v := r.at(dir)
			if c.done {
				v.wantKeys("alice/old")
			} else {
				v.wantKeys("alice/new", "alice/old")
			}
			v.wantWhole()
			if err := v.Vault.Close(); err != nil {
				t.Fatal(err)
			}
		}
		o := restoreOptions(dir, file)
		o.Replace = true
		if _, err := vault.Restore(ctx, o); err != nil {
			t.Fatalf("%s, bare %t: once more: %v", c.step, c.bare, err)
		}
		v := r.at(dir)
		v.wantKeys("alice/old")
		v.wantWhole()
		if c.bare {
			continue
		}
		// The vault that was there is still somewhere.
		found := 0
		aside, err := filepath.Glob(filepath.Join(dir, "vault.before-restore-*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range aside {
			n := &rig{TB: t, clock: r.clock, dir: a, opts: r.opts}
			n.opts.Dir, n.opts.AnchorPath = a, ""
			n.open()
			n.unseal()
			if _, err := n.ShowKey(ctx, n.name("alice/new")); err == nil {
				found++
			}
			if err := n.Vault.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if found != 1 {
			t.Errorf("%s: the old vault is in %d of %v", c.step, found, aside)
		}
	}
}

// Root restores what belongs to the daemon's user, and it stays that user's.
func TestRestoreGivesTheVaultToItsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("giving files away needs root")
	}
	const uid = 65533
	r := newRig(t)
	r.create("alice/a", "")
	file := r.backup(vault.BackupOptions{})
	if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name("alice/a"), By: "root", Reason: "leaked"}); err != nil {
		t.Fatal(err)
	}
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "restore") // which others can reach, unlike t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	anchor := filepath.Join(dir, "anchor")
	for from, to := range map[string]string{r.dir: filepath.Join(dir, "vault"), filepath.Dir(r.opts.AnchorPath) + "/anchor": anchor + "/anchor"} {
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(dir, func(p string, _ os.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		return os.Lchown(p, uid, uid)
	}); err != nil {
		t.Fatal(err)
	}
	o := restoreOptions(dir, file)
	o.AnchorPath, o.Replace = filepath.Join(anchor, "anchor"), true
	report, err := vault.Restore(ctx, o)
	if err != nil || report.Stayed == 0 {
		t.Fatal(report, err)
	}
	if err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != uid {
			t.Errorf("%s belongs to %d", p, info.Sys().(*syscall.Stat_t).Uid)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 || os.Getegid() != 0 {
		t.Fatalf("this process is %d:%d now", os.Geteuid(), os.Getegid())
	}
}
