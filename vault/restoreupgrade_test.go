package vault

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vaultd/vaultd/vault/backup"
)

// backedUp is a backup of a sealed vault, made as it is: a vault that lacks
// features is not brought up to date for that.
func backedUp(t *testing.T, o Options) backup.File {
	t.Helper()
	v := makeVault(t, o)
	if _, err := v.Unseal(context.Background(), []byte("password"), false); err != nil {
		t.Fatal(err)
	}
	b, err := v.BeginBackup(context.Background(), BackupOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var file []byte
	for done := false; !done; {
		var part []byte
		if part, done, err = b.Read(context.Background(), 1<<20); err != nil {
			t.Fatal(err)
		}
		file = append(file, part...)
	}
	b.Close()
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(file)
}

// A backup and the vault that is there may each be older than the other: what is
// restored is brought up to date at its first unseal, or says already what it needs.
func TestRestoreAcrossFormats(t *testing.T) {
	o := outdated(t)
	features := knownFeatures
	knownFeatures = nil
	old := backedUp(t, o)
	knownFeatures = features
	restore := func(to Options, file backup.File) {
		t.Helper()
		r := RestoreOptions{
			Dir: to.Dir, AnchorPath: to.AnchorPath, Files: []backup.File{file}, Replace: true,
			With: SlotSecret{Kind: SlotPassword, Secret: []byte("password")},
		}
		if _, err := Restore(context.Background(), r); err != nil {
			t.Fatal(err)
		}
	}
	bare := t.TempDir()
	elsewhere := Options{Dir: filepath.Join(bare, "vault"), AnchorPath: filepath.Join(bare, "anchor")}
	restore(elsewhere, old)
	opens(t, elsewhere)

	opens(t, o) // brings it up to date
	found, err := filepath.Glob(filepath.Join(o.Dir, asidePrefix+"*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("set aside: %q, %v", found, err)
	}
	// The vault as it was before, put back.
	back := Options{Dir: filepath.Join(t.TempDir(), "vault")}
	if err := errors.Join(os.CopyFS(back.Dir, os.DirFS(found[0])), os.Chmod(back.Dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	file := backedUp(t, o)
	restore(o, old)
	opens(t, o)

	restore(back, file)
	if h := (headerFiles{dir: back.Dir}).read(headerName); h.err != nil || !slices.Equal(h.header.critical, knownFeatures) {
		t.Errorf("an older vaultd would take the restored vault for a damaged one: %+v", h)
	}
	opens(t, back)
}
