package vault_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/vault"
)

func restoreOptions(dir string, files ...[]byte) vault.RestoreOptions {
	o := vault.RestoreOptions{Dir: filepath.Join(dir, "vault"), AnchorPath: filepath.Join(dir, "anchor"), With: withPassword(password)}
	for _, f := range files {
		o.Files = append(o.Files, bytes.NewReader(f))
	}
	return o
}

// restored makes a vault of backups in a place where nothing is, unsealed.
func (r *rig) restored(files ...[]byte) *rig {
	r.Helper()
	dir := r.TempDir()
	if _, err := vault.Restore(ctx, restoreOptions(dir, files...)); err != nil {
		r.Fatal(err)
	}
	return r.at(dir)
}

// at opens the vault in a directory.
func (r *rig) at(dir string) *rig {
	r.Helper()
	n := &rig{TB: r.TB, clock: r.clock, dir: filepath.Join(dir, "vault"), opts: r.opts}
	n.opts.Dir, n.opts.AnchorPath = n.dir, filepath.Join(dir, "anchor")
	n.open()
	n.unseal()
	r.Cleanup(func() { _ = n.Vault.Close() })
	return n
}

// replaced closes the vault and restores backups in its place.
func (r *rig) replaced(resurrect bool, files ...[]byte) *vault.RestoreReport {
	r.Helper()
	if err := r.Vault.Close(); err != nil {
		r.Fatal(err)
	}
	o := restoreOptions(filepath.Dir(r.dir), files...)
	o.Replace, o.Resurrect = true, resurrect
	report, err := vault.Restore(ctx, o)
	if err != nil {
		r.Fatal(err)
	}
	r.open()
	r.unseal()
	return report
}

func (r *rig) wantWhole() {
	r.Helper()
	if err := r.Seal(); err != nil {
		r.Fatal(err)
	}
	report, err := vault.Check(ctx, vault.CheckOptions{Dir: r.dir, AnchorPath: r.opts.AnchorPath, Password: []byte(password)})
	if err != nil || !report.OK() {
		r.Fatalf("check: %+v, %v", report, err)
	}
	r.unseal()
}

func (r *rig) wantKeys(want ...string) {
	r.Helper()
	got, _, err := r.ListKeys(ctx, vault.ListKeys{IncludeDestroyed: true})
	if err != nil {
		r.Fatal(err)
	}
	var names []string
	for _, k := range got {
		names = append(names, k.Name.String())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		r.Fatalf("the keys are %v, want %v", names, want)
	}
}

func TestRestoreRefusesChainsThatAreNone(t *testing.T) {
	r := newRig(t)
	full := r.backup(vault.BackupOptions{})
	r.create("alice/a", "")
	one := r.backup(since(full))
	r.create("alice/b", "")
	two := r.backup(since(one))
	other := newRig(t)
	foreign := other.backup(vault.BackupOptions{})
	other.create("alice/x", "")
	foreignOne := other.backup(since(foreign))
	second := r.backup(vault.BackupOptions{})

	for name, c := range map[string]struct {
		files [][]byte
		code  vault.Code
	}{
		"whole":              {[][]byte{full, one, two}, ""},
		"without a link":     {[][]byte{full, two}, vault.CodeBackupChain},
		"out of order":       {[][]byte{full, two, one}, vault.CodeBackupChain},
		"without full":       {[][]byte{one, two}, vault.CodeBackupChain},
		"twice":              {[][]byte{full, one, one}, vault.CodeBackupChain},
		"on another full":    {[][]byte{second, one}, vault.CodeBackupChain},
		"two full":           {[][]byte{full, second}, vault.CodeBackupChain},
		"of another vault":   {[][]byte{foreign, one}, vault.CodeBackupChain},
		"and another vault":  {[][]byte{full, foreignOne}, vault.CodeBackupChain},
		"nothing":            {[][]byte{{}}, vault.CodeBackupDamaged},
		"something else":     {[][]byte{[]byte("#!/bin/sh\nexit 0\n")}, vault.CodeBackupDamaged},
		"the header of one":  {[][]byte{full[:200]}, vault.CodeBackupDamaged},
		"a list without any": {nil, vault.CodeUsage},
	} {
		dir := t.TempDir()
		_, err := vault.Restore(ctx, restoreOptions(dir, c.files...))
		t.Log(name, err)
		r.wantCode(err, c.code)
		if _, err := os.Stat(filepath.Join(dir, "vault")); c.code != "" && err == nil {
			t.Errorf("%s: a vault was made", name)
		}
	}
}

func TestRestoreRefusesEveryChangedByte(t *testing.T) {
	r := newRig(t)
	r.create("alice/a", "")
	file := r.backup(vault.BackupOptions{})
	refused := func(what string, bad []byte) {
		t.Helper()
		o := restoreOptions("/nonexistent", bad)
		o.CheckOnly = true
		if _, err := vault.Restore(ctx, o); err == nil {
			t.Fatalf("%s: accepted", what)
		}
	}
	for at := range file {
		bad := bytes.Clone(file)
		bad[at] ^= byte(1 + rand.IntN(255))
		refused(fmt.Sprintf("byte %d of %d", at, len(file)), bad)
	}
	for n := range len(file) {
		if n%7 == 0 || n > len(file)-64 {
			refused(fmt.Sprintf("cut to %d bytes", n), file[:n])
		}
	}
	for n := range 70 {
		refused("appended", append(bytes.Clone(file), bytes.Repeat([]byte{byte(n)}, n+1)...))
	}
	o := restoreOptions("/nonexistent", file)
	o.CheckOnly = true
	if report, err := vault.Restore(ctx, o); err != nil || report.Records == 0 {
		t.Fatal(report, err)
	}
}

func TestRestoreKeepsWhatThePresentVaultEnded(t *testing.T) {
	for _, resurrect := range []bool{false, true} {
		r := newRig(t)
		r.create("alice/revoked", "ed25519")
		r.create("alice/destroyed", "ed25519")
		r.create("alice/half", "")
		r.create("alice/alive", "")
		r.create("bob/his", "")
		grant := vault.Kept{ID: strings.Repeat("cd", 16), Body: []byte(`{}`)}
		if err := r.AddGrant(ctx, grant); err != nil {
			t.Fatal(err)
		}
		kept, half := r.encrypt("alice/alive", "x"), r.encrypt("alice/half", "y")
		file := r.backup(vault.BackupOptions{})

		if _, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name("alice/revoked")}); err != nil {
			t.Fatal(err)
		}
		if _, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name("alice/half")}); err != nil {
			t.Fatal(err)
		}
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		_, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name("alice/revoked"), By: "root", Reason: "leaked"})
		must(err)
		_, err = r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("alice/destroyed"), By: "root"})
		must(err)
		_, err = r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("alice/half"), Version: 1, By: "root"})
		must(err)
		_, _, err = r.RevokeOwner(ctx, vault.RevokeOwner{Name: "bob", By: "root", Reason: "left"})
		must(err)
		must(r.RemoveGrant(ctx, grant.ID))
		r.create("carol/new", "")
		_, err = r.RevokeKey(ctx, vault.RevokeKey{Name: r.name("carol/new"), By: "root", Reason: "leaked too"})
		must(err)

		report := r.replaced(resurrect, file)
		r.mustDecrypt("alice/alive", kept, "x")
		wanted := map[string]vault.KeyState{
			"alice/revoked": vault.StateRevoked, "alice/destroyed": vault.StateDestroyed, "alice/half": vault.StateActive,
			"bob/his": vault.StateDestroyed, "alice/alive": vault.StateActive, "carol/new": vault.StateRevoked,
		}
		if resurrect {
			wanted = map[string]vault.KeyState{
				"alice/revoked": vault.StateActive, "alice/destroyed": vault.StateActive, "alice/half": vault.StateActive,
				"bob/his": vault.StateActive, "alice/alive": vault.StateActive,
			}
		}
		for name, state := range wanted {
			if k, err := r.ShowKey(ctx, r.name(name)); err != nil || k.State != state {
				t.Errorf("resurrect %v: %s is %v, %v; want %v", resurrect, name, k.State, err, state)
			}
		}
		if _, err := r.decrypt("alice/half", half); (err == nil) != resurrect {
			t.Errorf("resurrect %v: the destroyed version: %v", resurrect, err)
		}
		if err := r.RemoveGrant(ctx, grant.ID); (err == nil) != resurrect {
			t.Errorf("resurrect %v: the removed grant: %v", resurrect, err)
		}
		if told := strings.Join(r.Status().Warnings, " "); strings.Contains(told, "--resurrect") != resurrect {
			t.Errorf("resurrect %v: the first unseal says %q", resurrect, told)
		}
		r.wantWhole()
		if _, err := os.Stat(filepath.Join(report.Aside, "keyring")); err != nil {
			t.Errorf("the old vault is not in %q: %v", report.Aside, err)
		}
	}
}

func TestRestoreOverADivergedVaultKeepsBothEnds(t *testing.T) {
	r := newRig(t)
	r.create("alice/a", "")
	r.create("alice/b", "ed25519")
	early := r.backup(vault.BackupOptions{})
	for _, name := range []string{"alice/a", "alice/b"} {
		if _, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name(name)}); err != nil {
			t.Fatal(err)
		}
	}
	c := r.encrypt("alice/a", "second version")
	late := r.backup(vault.BackupOptions{})
	r.replaced(false, early)
	if _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("alice/a"), Version: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name("alice/b"), By: "root", Reason: "leaked"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.BeginBackup(ctx, since(late)); err == nil {
		t.Fatal("a backup builds on one of a history that was left")
	} else {
		r.wantCode(err, vault.CodeBackupUnknown)
	}
	r.replaced(false, late)
	r.mustDecrypt("alice/a", c, "second version")
	k, err := r.ShowKey(ctx, r.name("alice/a"))
	if err != nil || len(k.Versions) != 2 || k.Versions[0].State != vault.StateDestroyed {
		t.Errorf("alice/a is %+v, %v", k, err)
	}
	if k, err := r.ShowKey(ctx, r.name("alice/b")); err != nil || k.State != vault.StateRevoked {
		t.Errorf("alice/b is %v, %v", k.State, err)
	}
	r.wantWhole()
}

func TestRestoreAsksBeforeItReplaces(t *testing.T) {
	r := newRig(t)
	file := r.backup(vault.BackupOptions{})
	r.create("alice/a", "")
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := vault.Restore(ctx, restoreOptions(filepath.Dir(r.dir), file))
	r.wantCode(err, vault.CodeInitialized)
	r.open()
	r.unseal()
	r.wantKeys("alice/a")
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	// What it revoked can't be read: it is not forgotten in silence.
	for _, name := range []string{"keyring", "keyring.backup"} {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := restoreOptions(filepath.Dir(r.dir), file)
	o.Replace = true
	_, err = vault.Restore(ctx, o)
	r.wantCode(err, vault.CodeStoreCorrupt)
	o.Resurrect = true
	if _, err := vault.Restore(ctx, o); err != nil {
		t.Fatal(err)
	}
	r.open()
	r.unseal()
	r.wantKeys()
}

func TestRestoreOverAnotherVault(t *testing.T) {
	r, other := newRig(t), newRig(t)
	r.create("alice/a", "")
	file := r.backup(vault.BackupOptions{})
	other.create("bob/b", "")
	report := other.replaced(false, file)
	other.wantKeys("alice/a")
	if !strings.Contains(strings.Join(report.Warnings, " "), "another one") {
		t.Errorf("warnings %q", report.Warnings)
	}
}
