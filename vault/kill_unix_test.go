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

// killEnv makes the test binary a child that dies in a password change.
const killEnv = "VAULT_TEST_KILL_AT"

// restoreEnv makes the test binary a child that restores; see restoreInChild.
const restoreEnv = "VAULT_TEST_RESTORE"

// restoreInChild is set where the memory of a child can be measured.
var restoreInChild = func(string) {}

func TestMain(m *testing.M) {
	if at := os.Getenv(killEnv); at != "" {
		dieDuringPasswordChange(at)
	}
	if at := os.Getenv(killRestoreEnv); at != "" {
		dieDuringRestore(at)
	}
	if dir := os.Getenv(restoreEnv); dir != "" {
		restoreInChild(dir)
	}
	os.Exit(m.Run())
}

// dieDuringPasswordChange never returns: it kills its own process at a step.
func dieDuringPasswordChange(at string) {
	step, dir, _ := strings.Cut(at, "|")
	v, err := vault.New(vault.Options{
		Dir: filepath.Join(dir, "vault"), AnchorPath: filepath.Join(dir, "anchor"), MinFree: 1 << 20, Ballast: 1 << 20,
	})
	if err == nil {
		_, err = v.Unseal(ctx, []byte(password), false)
	}
	if err == nil {
		v.OnHeaderStep(func(now string) {
			if now == step {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		})
		_, err = v.ChangePassword(ctx, []byte(password), []byte(newPassword), iterations)
	}
	fmt.Println("still alive:", err)
	os.Exit(3)
}

func TestKilledDuringPasswordChange(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for i, step := range headerSteps {
		if i%2 == 1 && os.Getenv("VAULTD_LONG") == "" {
			continue // the directory after every step is tried above
		}
		dir := t.TempDir()
		o := vault.Options{Dir: filepath.Join(dir, "vault"), AnchorPath: filepath.Join(dir, "anchor"), MinFree: 1 << 20, Ballast: 1 << 20}
		v, err := vault.New(o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Init(ctx, []byte(password), iterations); err != nil {
			t.Fatal(err)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(exe)
		cmd.Env = append(os.Environ(), killEnv+"="+step+"|"+dir)
		out, err := cmd.CombinedOutput()
		var status *exec.ExitError
		if !errors.As(err, &status) || status.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("%s: the child was not killed: %v\n%s", step, err, out)
		}
		onlyOneOpens(t, o, "killed after "+step, i > 0)
	}
}
