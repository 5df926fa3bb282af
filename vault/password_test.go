package vault_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault"
)

const newPassword = "another password entirely"

// headerSteps are the moments at which a password change can be interrupted.
var headerSteps = []string{
	"header written", "header renamed", "header durable",
	"header.backup written", "header.backup renamed", "header.backup durable",
}

// onlyOneOpens checks that exactly one of the two passwords opens the vault,
// and which.
func onlyOneOpens(t *testing.T, o vault.Options, when string, wantNew bool) {
	t.Helper()
	opens := func(pass string) bool {
		v, err := vault.New(o)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		_, err = v.Unseal(ctx, []byte(pass), false)
		if err != nil && !errors.Is(err, vault.ErrWrongPassword) {
			t.Fatalf("%s: unseal: %v", when, err)
		}
		return err == nil
	}
	// The new one is tried again, since the first unseal mends the backup.
	before, old, after := opens(newPassword), opens(password), opens(newPassword)
	if before != wantNew || old == wantNew || after != wantNew {
		t.Fatalf("%s: old password opens: %v, new one: %v, then %v", when, old, before, after)
	}
}

// The directory as it is after each step, which is what a power cut leaves.
func TestUnsealAfterInterruptedPasswordChange(t *testing.T) {
	r := newRig(t)
	r.create("alice/k", "")
	r.reopen()
	type copied struct {
		step string
		opts vault.Options
	}
	var copies []copied
	r.OnHeaderStep(func(step string) {
		base := t.TempDir()
		o := r.opts
		o.Dir, o.AnchorPath = filepath.Join(base, "vault"), filepath.Join(base, "anchor")
		if err := os.CopyFS(o.Dir, os.DirFS(r.dir)); err != nil {
			t.Error(err)
		}
		private(t, o.Dir)
		anchor, err := os.ReadFile(r.opts.AnchorPath)
		if err == nil {
			err = os.WriteFile(o.AnchorPath, anchor, 0o600)
		}
		if err != nil {
			t.Error(err)
		}
		copies = append(copies, copied{step, o})
	})
	if _, err := r.ChangePassword(ctx, []byte(password), []byte(newPassword), iterations); err != nil {
		t.Fatal(err)
	}
	if len(copies) != len(headerSteps) {
		t.Fatalf("%d steps, expected %d", len(copies), len(headerSteps))
	}
	for i, c := range copies {
		if c.step != headerSteps[i] {
			t.Fatalf("step %d is %q", i, c.step)
		}
		onlyOneOpens(t, c.opts, c.step, i > 0)
	}
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	onlyOneOpens(t, r.opts, "finished", true)
}

func TestChangePassword(t *testing.T) {
	r := newRig(t)
	r.create("alice/k", "")
	c := r.encrypt("alice/k", "x")
	_, err := r.ChangePassword(ctx, []byte("wrong"), []byte(newPassword), iterations)
	r.wantCode(err, vault.CodeWrongPassword)
	_, err = r.ChangePassword(ctx, []byte(password), nil, iterations)
	r.wantCode(err, vault.CodeBadArgument)
	_, err = r.ChangePassword(ctx, []byte(password), []byte(newPassword), iterations-1)
	r.wantCode(err, vault.CodeBadArgument)
	n, err := r.ChangePassword(ctx, []byte(password), []byte(newPassword), iterations+1)
	if err != nil || n != iterations+1 || r.Status().Iterations != n {
		t.Fatal(n, err)
	}
	r.mustDecrypt("", c, "x")
	r.close()
	_, err = r.ChangePassword(ctx, []byte(newPassword), []byte(password), 0)
	r.wantCode(err, vault.CodeSealed)
	_, err = r.Unseal(ctx, []byte(password), false)
	r.wantCode(err, vault.CodeWrongPassword)
	if _, err := r.Unseal(ctx, []byte(newPassword), false); err != nil {
		t.Fatal(err)
	}
	r.mustDecrypt("", c, "x")
}

func TestInitRefusals(t *testing.T) {
	r := newRig(t)
	_, err := r.Init(ctx, []byte(password), iterations)
	r.wantCode(err, vault.CodeInitialized)
	r.close()
	_, err = r.Init(ctx, []byte(password), iterations)
	r.wantCode(err, vault.CodeInitialized)

	o := r.opts
	o.Dir = filepath.Join(t.TempDir(), "fresh")
	o.AnchorPath = ""
	v, err := vault.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if v.Initialized() {
		t.Error("an empty directory counts as a vault")
	}
	_, err = v.Unseal(ctx, []byte(password), false)
	r.wantCode(err, vault.CodeNotInitialized)
	for _, pass := range []string{"", strings.Repeat("x", 1025)} {
		_, err = v.Init(ctx, []byte(pass), iterations)
		r.wantCode(err, vault.CodeBadArgument)
	}
	for _, n := range []int{-1, 1, iterations - 1, 10_000_001} {
		_, err = v.Init(ctx, []byte(password), n)
		r.wantCode(err, vault.CodeBadArgument)
	}
	res, err := v.Init(ctx, []byte("short"), iterations)
	if err != nil || len(res.Warnings) != 1 {
		t.Errorf("short password: %v, %v", res.Warnings, err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = v.Unseal(ctx, []byte("short"), false)
	r.wantCode(err, vault.CodeUnreachable)
}

func TestCalibrationKeepsTheFloor(t *testing.T) {
	r := newRig(t)
	o := r.opts
	o.Dir, o.AnchorPath, o.KDFTime = filepath.Join(t.TempDir(), "v"), "", time.Millisecond
	v, err := vault.New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	res, err := v.Init(ctx, []byte(password), 0)
	if err != nil || res.Iterations != iterations {
		t.Errorf("%d iterations, %v", res.Iterations, err)
	}
}
