package vault_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vaultd/vaultd/vault"
)

func TestRestoreOnAFullDiskLeavesTheOldVault(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=48m,mode=700"); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	source := newRig(t)
	source.create("alice/a", "")
	file := source.backup(vault.BackupOptions{})
	r := source.atNew(dir, file)
	r.create("alice/later", "")
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	hog, err := os.Create(filepath.Join(dir, "hog"))
	if err != nil {
		t.Fatal(err)
	}
	for chunk := make([]byte, 64<<10); err == nil; {
		_, err = hog.Write(chunk)
	}
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	if err := hog.Close(); err != nil {
		t.Fatal(err)
	}
	o := restoreOptions(dir, file)
	o.Replace = true
	_, err = vault.Restore(ctx, o)
	r.wantCode(err, vault.CodeStorageFull)
	list, err := filepath.Glob(filepath.Join(dir, "vault.*"))
	if err != nil || len(list) != 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
	if err := os.Remove(hog.Name()); err != nil {
		t.Fatal(err)
	}
	r.open()
	r.unseal()
	r.wantKeys("alice/a", "alice/later")
	r.wantWhole()
}

// atNew is restored in a directory of the caller's.
func (r *rig) atNew(dir string, files ...[]byte) *rig {
	r.Helper()
	if _, err := vault.Restore(ctx, restoreOptions(dir, files...)); err != nil {
		r.Fatal(err)
	}
	return r.at(dir)
}
