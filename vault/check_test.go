package vault_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/vaultd/vaultd/vault"
)

// file reads a file of the vault's directory.
func (r *rig) file(name string) []byte {
	r.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.Fatal(err)
	}
	return b
}

func (r *rig) write(name string, b []byte) {
	r.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), b, 0o600); err != nil {
		r.Fatal(err)
	}
}

// close seals the vault and leaves a fresh, sealed one.
func (r *rig) close() {
	r.Helper()
	if err := r.Vault.Close(); err != nil {
		r.Fatal(err)
	}
	r.open()
}

func (r *rig) check(repair bool, pass string) *vault.CheckReport {
	r.Helper()
	o := vault.CheckOptions{Dir: r.dir, AnchorPath: r.opts.AnchorPath, Password: []byte(pass)}
	run := vault.Check
	if repair {
		run = vault.Repair
	}
	rep, err := run(ctx, o)
	if err != nil {
		r.Fatal(err)
	}
	return rep
}

func TestDamagedHeaderIsRepairedOnlyWhenAsked(t *testing.T) {
	for name, damage := range map[string]func(*rig){
		"flipped": func(r *rig) { b := r.file("header"); b[len(b)/2] ^= 4; r.write("header", b) },
		"missing": func(r *rig) { _ = os.Remove(filepath.Join(r.dir, "header")) },
		"empty":   func(r *rig) { r.write("header", nil) },
	} {
		r := newRig(t)
		r.create("alice/k", "")
		c := r.encrypt("alice/k", "x")
		r.close()
		whole := r.file("header")
		damage(r)
		for range 2 {
			_, err := r.Unseal(ctx, []byte(password), false)
			r.wantCode(err, vault.CodeHeaderDamaged)
		}
		_, err := r.Init(ctx, []byte("another one"), iterations)
		r.wantCode(err, vault.CodeHeaderDamaged)
		if s := r.Status(); !s.Initialized || len(s.Warnings) != 1 {
			t.Errorf("%s: status %+v", name, s)
		}
		if rep := r.check(false, password); rep.OK() || !rep.Complete {
			t.Errorf("%s: report %+v", name, rep)
		}
		if rep := r.check(false, ""); rep.OK() || rep.Complete {
			t.Errorf("%s: report without a key %+v", name, rep)
		}
		if _, err := vault.Repair(ctx, vault.CheckOptions{Dir: r.dir, Password: []byte("wrong")}); !errors.Is(err, vault.ErrWrongPassword) {
			t.Errorf("%s: repair with a wrong password: %v", name, err)
		}
		if rep := r.check(true, password); !rep.OK() {
			t.Errorf("%s: after repair %+v", name, rep)
		}
		if !bytes.Equal(r.file("header"), whole) {
			t.Errorf("%s: the header was not restored", name)
		}
		r.unseal()
		r.mustDecrypt("alice/k", c, "x")
	}
}

func TestDamagedBackupIsMendedAtUnseal(t *testing.T) {
	r := newRig(t)
	r.close()
	whole := r.file("header.backup")
	r.write("header.backup", whole[:100])
	if rep := r.check(false, password); rep.OK() {
		t.Errorf("report %+v", rep)
	}
	warnings, err := r.Unseal(ctx, []byte(password), false)
	if err != nil || len(warnings) != 1 {
		t.Fatalf("unseal: %v, %v", warnings, err)
	}
	if !bytes.Equal(r.file("header.backup"), whole) {
		t.Error("the backup was not restored")
	}
}

// An old header put back under a new backup does not bring its password back.
func TestOldHeaderIsNoticed(t *testing.T) {
	r := newRig(t)
	old := r.file("header")
	if _, err := r.ChangePassword(ctx, []byte(password), []byte("new password"), iterations); err != nil {
		t.Fatal(err)
	}
	r.close()
	current := r.file("header")

	r.write("header", old)
	_, err := r.Unseal(ctx, []byte(password), false)
	r.wantCode(err, vault.CodeStoreRolledBack)
	if rep := r.check(false, "new password"); rep.OK() {
		t.Errorf("report %+v", rep)
	}

	// Both copies put back: only the anchor knows.
	r.write("header.backup", old)
	_, err = r.Unseal(ctx, []byte(password), false)
	r.wantCode(err, vault.CodeStoreRolledBack)

	// The header lost, the backup stale: a repair brings the old one back, and
	// the anchor still refuses it.
	if err := os.Remove(filepath.Join(r.dir, "header")); err != nil {
		t.Fatal(err)
	}
	if rep := r.check(true, password); rep.OK() {
		t.Errorf("report %+v", rep)
	}
	_, err = r.Unseal(ctx, []byte(password), false)
	r.wantCode(err, vault.CodeStoreRolledBack)

	r.write("header", current)
	if _, err := r.Unseal(ctx, []byte("new password"), false); err != nil {
		t.Fatal(err)
	}
}

func TestRollbackNeedsAcceptance(t *testing.T) {
	r := newRig(t)
	r.create("alice/k", "")
	r.close()
	saved := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(saved, os.DirFS(r.dir)); err != nil {
		t.Fatal(err)
	}
	r.unseal()
	if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name("alice/k")}); err != nil {
		t.Fatal(err)
	}
	r.close()
	if err := os.RemoveAll(r.dir); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(r.dir, os.DirFS(saved)); err != nil {
		t.Fatal(err)
	}
	private(t, r.dir)
	_, err := r.Unseal(ctx, []byte(password), false)
	r.wantCode(err, vault.CodeStoreRolledBack)
	if _, err := r.Unseal(ctx, []byte(password), true); err != nil {
		t.Fatal(err)
	}
	r.encrypt("alice/k", "back again")
	r.reopen()
}

// private gives a copied directory the modes of a store.
func private(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestOthersMustNotWrite(t *testing.T) {
	r := newRig(t)
	r.close()
	if err := os.Chmod(filepath.Join(r.dir, "header"), 0o620); err != nil {
		t.Fatal(err)
	}
	_, err := r.Unseal(ctx, []byte(password), false)
	r.wantCode(err, vault.CodeUnsafePerms)
}

func TestTwoVaultsCannotOpenOneDirectory(t *testing.T) {
	r := newRig(t)
	v, err := vault.New(r.opts)
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Unseal(ctx, []byte(password), false)
	r.wantCode(err, vault.CodeInUse)
	_, err = vault.Check(ctx, vault.CheckOptions{Dir: r.dir, Password: []byte(password)})
	r.wantCode(err, vault.CodeInUse)
}
