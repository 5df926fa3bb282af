package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/backup"
)

// backup takes a backup and returns the file.
func (r *rig) backup(o vault.BackupOptions) []byte {
	r.Helper()
	file, _ := r.backupMade(o)
	return file
}

func (r *rig) backupMade(o vault.BackupOptions) ([]byte, vault.KnownBackup) {
	r.Helper()
	b, err := r.BeginBackup(ctx, o)
	if err != nil {
		r.Fatal(err)
	}
	defer b.Close()
	var file bytes.Buffer
	for {
		part, done, err := b.Read(ctx, 1<<20)
		if err != nil {
			r.Fatal(err)
		}
		file.Write(part)
		if done {
			return file.Bytes(), b.Made()
		}
	}
}

func since(file []byte) vault.BackupOptions {
	return vault.BackupOptions{SinceHash: [32]byte(file[len(file)-32:])}
}

func restoreOptions(dir string, files ...[]byte) vault.RestoreOptions {
	o := vault.RestoreOptions{Dir: filepath.Join(dir, "vault"), AnchorPath: filepath.Join(dir, "anchor"), Password: []byte(password)}
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

func TestBackupRestoresWithFileAndPasswordAlone(t *testing.T) {
	r := newRig(t)
	r.create("alice/data", "")
	r.create("alice/sign", "ed25519")
	c := r.encrypt("alice/data", "attack at dawn")
	file := r.backup(vault.BackupOptions{})
	r.create("alice/later", "")

	n := r.restored(file)
	n.mustDecrypt("alice/data", c, "attack at dawn")
	n.wantKeys("alice/data", "alice/sign")
	if w := strings.Join(n.Status().Warnings, "\n"); !strings.Contains(w, "was restored") {
		t.Errorf("the first unseal says %q", w)
	}
	n.wantWhole()
	if w := n.Status().Warnings; len(w) != 0 {
		t.Errorf("the second unseal says %q", w)
	}
	n.create("alice/new", "")
	n.reopen()
	n.wantKeys("alice/data", "alice/new", "alice/sign")
}

func TestBackupOpensWithThePasswordOfItsTime(t *testing.T) {
	r := newRig(t)
	old := r.backup(vault.BackupOptions{})
	if _, err := r.ChangePassword(ctx, []byte(password), []byte("another good password"), iterations); err != nil {
		t.Fatal(err)
	}
	o := restoreOptions(t.TempDir(), old)
	o.Password = []byte("another good password")
	_, err := vault.Restore(ctx, o)
	r.wantCode(err, vault.CodeWrongPassword)
	o.Password = []byte(password)
	if _, err := vault.Restore(ctx, o); err != nil {
		t.Fatal(err)
	}

	// Over the vault itself, the password of now opens too, and stays.
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	o = restoreOptions(filepath.Dir(r.dir), old)
	o.Password, o.Replace = []byte("another good password"), true
	if _, err := vault.Restore(ctx, o); err != nil {
		t.Fatal(err)
	}
	r.open()
	_, err = r.Unseal(ctx, []byte(password), false)
	r.wantCode(err, vault.CodeWrongPassword)
	if _, err := r.Unseal(ctx, []byte("another good password"), false); err != nil {
		t.Fatal(err)
	}
}

func TestTenIncrementalBackupsRestoreToTheLast(t *testing.T) {
	r := newRig(t)
	r.create("alice/gone", "")
	r.create("alice/data", "")
	id := strings.Repeat("ab", 16)
	if err := r.AddGrant(ctx, vault.Kept{ID: id, Body: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	files := [][]byte{r.backup(vault.BackupOptions{})}
	for i := range 10 {
		r.create(fmt.Sprintf("alice/key%d", i), "")
		switch i {
		case 2: // what was deleted is forgotten by the rewrite: a list of what is kept tells
			if err := r.RemoveGrant(ctx, id); err != nil {
				t.Fatal(err)
			}
			if _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("alice/gone"), Now: true}); err != nil {
				t.Fatal(err)
			}
		case 5:
			r.reopen()
		}
		file, made := r.backupMade(since(files[len(files)-1]))
		if made.Full {
			t.Fatal("an incremental backup is a full one")
		}
		files = append(files, file)
	}
	c := r.encrypt("alice/key9", "ninth")
	n := r.restored(files...)
	n.mustDecrypt("alice/key9", c, "ninth")
	want := []string{"alice/data", "alice/gone"}
	for i := range 10 {
		want = append(want, fmt.Sprintf("alice/key%d", i))
	}
	n.wantKeys(want...)
	if k, err := n.ShowKey(ctx, n.name("alice/gone")); err != nil || k.State != vault.StateDestroyed {
		t.Errorf("alice/gone is %v, %v", k.State, err)
	}
	n.wantWhole()
	if n.RemoveGrant(ctx, id) == nil {
		t.Error("a removed grant came back")
	}
	if len(files[10]) > len(files[0])*3 {
		t.Errorf("the last incremental has %d bytes, the full one %d", len(files[10]), len(files[0]))
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

func TestBackupIsConsistentWhileOthersWrite(t *testing.T) {
	r := newRig(t)
	for i := range 50 {
		r.create(fmt.Sprintf("alice/old%d", i), "")
	}
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				// A key is three records and its owner's, of one commit.
				name := r.name(fmt.Sprintf("writer%d-%d/key", w, i))
				if _, err := r.CreateKey(ctx, vault.CreateKey{Name: name}); err != nil {
					t.Error(err)
					return
				}
				if _, err := r.RotateKey(ctx, vault.RotateKey{Name: name}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	files := [][]byte{r.backup(vault.BackupOptions{})}
	rounds := 5
	if testing.Short() {
		rounds = 1
	}
	for range rounds {
		files = append(files, r.backup(since(files[len(files)-1])))
	}
	if report := r.liveCheck(); !report.OK() || report.Records == 0 {
		t.Errorf("check under load: %+v", report)
	}
	close(stop)
	writers.Wait()
	for n := 1; n <= len(files); n++ {
		r.restored(files[:n]...).wantWhole()
	}
}

func TestBackupEndsWithTheVault(t *testing.T) {
	r := newRig(t)
	r.create("alice/a", "")
	b, err := r.BeginBackup(ctx, vault.BackupOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.BeginBackup(ctx, vault.BackupOptions{})
	r.wantCode(err, vault.CodeBusy)
	_, err = r.BeginCheck(ctx)
	r.wantCode(err, vault.CodeBusy)
	if _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("alice/a"), Now: true}); err != nil {
		t.Fatal(err)
	}
	_, _, err = b.Read(ctx, 1<<20)
	r.wantCode(err, vault.CodeBusy)
	b.Close()

	if b, err = r.BeginBackup(ctx, vault.BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := r.Seal(); err != nil {
		t.Fatal(err)
	}
	_, _, err = b.Read(ctx, 1<<20)
	r.wantCode(err, vault.CodeSealed)
	r.unseal()
	_, _, err = b.Read(ctx, 1<<20)
	r.wantCode(err, vault.CodeSealed)
	b.Close()
	r.backup(vault.BackupOptions{})
}

// liveCheck verifies the vault while it is open.
func (r *rig) liveCheck() *vault.CheckReport {
	r.Helper()
	c, err := r.BeginCheck(ctx)
	if err != nil {
		r.Fatal(err)
	}
	defer c.Close()
	for {
		done, err := c.Step(ctx)
		if err != nil {
			r.Fatal(err)
		}
		if done {
			return c.Report()
		}
	}
}

func TestLiveCheckSaysWhatIsWrongWhere(t *testing.T) {
	r := newRig(t)
	info := r.create("alice/a", "")
	r.create("alice/b", "ed25519")
	if report := r.liveCheck(); !report.OK() || report.Records == 0 {
		t.Fatalf("%+v", report)
	}
	for what, c := range map[string]struct {
		damage func() (undo func())
		where  string
	}{
		"header":  {flip(t, filepath.Join(r.dir, "header"), 40), "header"},
		"keyring": {flip(t, filepath.Join(r.dir, "keyring.backup"), 100), "keyring.backup"},
		"journal": {flip(t, filepath.Join(r.dir, "journal-1.b"), 300), "journal-1.b"},
		"record": {func() func() {
			path := info.ID.String() + "/1"
			body := r.Tamper(t, vault.KindDEK, path, func(b []byte) []byte { b[20] ^= 1; return b })
			return func() { r.Tamper(t, vault.KindDEK, path, func([]byte) []byte { return body }) }
		}, "records"},
	} {
		undo := c.damage()
		report := r.liveCheck()
		undo()
		if report.OK() || report.Findings[0].File != c.where {
			t.Errorf("%s: %+v", what, report.Findings)
		}
	}
	if report := r.liveCheck(); !report.OK() {
		t.Fatalf("%+v", report)
	}
}

// flip changes a byte of a file, and back.
func flip(t *testing.T, path string, at int64) func() func() {
	change := func() {
		t.Helper()
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var b [1]byte
		if _, err := f.ReadAt(b[:], at); err != nil {
			t.Fatal(err)
		}
		b[0] ^= 1
		if _, err := f.WriteAt(b[:], at); err != nil {
			t.Fatal(err)
		}
	}
	return func() func() { change(); return change }
}

func TestHashTellsDamageWithoutAKey(t *testing.T) {
	r := newRig(t)
	file, made := r.backupMade(vault.BackupOptions{})
	checked, err := backup.CheckHash(bytes.NewReader(file))
	if err != nil || [32]byte(checked.Hash) != made.Hash || checked.Header.Seq != made.Sequence {
		t.Fatal(checked, err)
	}
	known, err := r.Backups()
	if err != nil || len(known) != 1 || known[0].Hash != made.Hash {
		t.Fatal(known, err)
	}
	for at := range file {
		bad := bytes.Clone(file)
		bad[at] ^= 4
		if _, err := backup.CheckHash(bytes.NewReader(bad)); err == nil {
			t.Fatalf("byte %d of %d: accepted", at, len(file))
		} else if !errors.Is(err, backup.ErrDamaged) && !errors.Is(err, backup.ErrNoBackup) && !errors.Is(err, backup.ErrNewer) {
			t.Fatalf("byte %d: %v", at, err)
		}
	}
}
