package vault_test

import (
	"bytes"
	"errors"
	"fmt"
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
	o.With = withPassword("another good password")
	_, err := vault.Restore(ctx, o)
	r.wantCode(err, vault.CodeWrongPassword)
	o.With = withPassword(password)
	if _, err := vault.Restore(ctx, o); err != nil {
		t.Fatal(err)
	}

	// Over the vault itself, the password of now opens too, and stays.
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	o = restoreOptions(filepath.Dir(r.dir), old)
	o.With, o.Replace = withPassword("another good password"), true
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
