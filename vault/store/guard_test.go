package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/vaultd/vaultd/vault/store"
)

func TestOneProcessAtATime(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	if _, err := store.Open(p.options()); !errors.Is(err, store.ErrLocked) {
		t.Fatalf("second open: %v", err)
	}
	if _, err := store.Check(p.checkOptions()); !errors.Is(err, store.ErrLocked) {
		t.Fatalf("check of an open store: %v", err)
	}
	closeStore(t, s)

	lock, err := store.LockDir(p.dir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(p.options()); !errors.Is(err, store.ErrLocked) {
		t.Fatalf("open under a foreign lock: %v", err)
	}
	o := p.options()
	o.Lock = lock
	if s, err = store.Open(o); err != nil {
		t.Fatalf("open under the caller's lock: %v", err)
	}
	closeStore(t, s)
	if _, err := store.LockDir(p.dir()); !errors.Is(err, store.ErrLocked) {
		t.Fatalf("close released the caller's lock: %v", err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	closeStore(t, p.open(t))
}

func TestUnsafePermissionsAreRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("access control lists decide there")
	}
	p := newPlace(t)
	closeStore(t, p.create(t))
	refused := func(why string) {
		t.Helper()
		if s, err := store.Open(p.options()); !errors.Is(err, store.ErrPermissions) {
			if err == nil {
				s.Close()
			}
			t.Errorf("%s: %v", why, err)
		}
	}
	chmod := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	chmod(p.dir(), 0o770)
	refused("directory writable by the group")
	chmod(p.dir(), 0o700)
	ring := filepath.Join(p.dir(), "keyring")
	chmod(ring, 0o602)
	refused("keyring writable by all")
	chmod(ring, 0o600)
	if err := os.Rename(ring, filepath.Join(p.root, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(p.root, "elsewhere"), ring); err != nil {
		t.Fatal(err)
	}
	refused("keyring is a link")
	if err := os.Rename(filepath.Join(p.root, "elsewhere"), ring); err != nil {
		t.Fatal(err)
	}
	chmod(p.anchor(), 0o666)
	refused("anchor writable by all")
	chmod(p.anchor(), 0o600)
	closeStore(t, p.open(t))
}

func TestFilesAreOnlyForTheOwner(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("access control lists decide there")
	}
	p := newPlace(t)
	p.create(t)
	list, err := os.ReadDir(p.dir())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
}

func TestWrongRootKey(t *testing.T) {
	p := newPlace(t)
	closeStore(t, p.create(t))
	o := p.options()
	o.RootKey = make([]byte, 32)
	if _, err := store.Open(o); !errors.Is(err, store.ErrWrongKey) {
		t.Fatalf("open: %v", err)
	}
	c := p.checkOptions()
	c.RootKey = o.RootKey
	if _, err := store.Check(c); !errors.Is(err, store.ErrWrongKey) {
		t.Fatalf("check: %v", err)
	}
	closeStore(t, p.open(t))
}

func TestOpenNeedsAStore(t *testing.T) {
	p := newPlace(t)
	if _, err := store.Open(p.options()); !errors.Is(err, store.ErrNoStore) {
		t.Fatalf("no directory: %v", err)
	}
	if err := os.Mkdir(p.dir(), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(p.options()); !errors.Is(err, store.ErrNoStore) {
		t.Fatalf("empty directory: %v", err)
	}
}

func TestCheckWithoutTheKey(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	put(t, s, "a", "b", 0)
	closeStore(t, s)
	o := p.checkOptions()
	o.RootKey = nil
	report, err := store.Check(o)
	if err != nil || !report.OK() || !report.Clean || report.Complete {
		t.Fatalf("whole store: %+v %v", report, err)
	}
	for _, file := range []string{"keyring", "keyring.backup", "clean", "journal-1.a", "journal-1.b"} {
		path := filepath.Join(p.dir(), file)
		whole := readFile(t, path)
		b := append([]byte(nil), whole...)
		b[len(b)-10] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		report, err := store.Check(o)
		if err != nil || report.OK() || report.Findings[0].File != file {
			t.Errorf("%s damaged: %+v %v", file, report, err)
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.Repair = true
	if _, err := store.Check(o); err == nil {
		t.Error("repair without the key")
	}
}

func TestBothJournalsLostIsSalvagedFromBadger(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	want := contents{}
	for _, path := range []string{"a", "b", "c"} {
		put(t, s, path, "body of "+path, 0)
		want[path] = "body of " + path
	}
	closeStore(t, s)
	for _, file := range []string{"journal-1.a", "journal-1.b"} {
		if err := os.Truncate(filepath.Join(p.dir(), file), 150); err != nil {
			t.Fatal(err)
		}
	}
	wantRepaired(t, p, want, "both journals", "cut", nil)

	// Once more, now that there is no attestation: nothing can be proven.
	s = p.open(t)
	put(t, s, "d", "late", 0)
	crashed := newPlace(t)
	copyTree(t, p.root, crashed.root)
	closeStore(t, s)
	for _, file := range []string{"journal-2.a", "journal-2.b"} {
		if err := os.Truncate(filepath.Join(crashed.dir(), file), 150); err != nil {
			t.Fatal(err)
		}
	}
	o := crashed.checkOptions()
	o.Repair = true
	report, err := store.Check(o)
	if err != nil || report.OK() {
		t.Fatalf("%+v %v", report, err)
	}
	if f := report.Findings[len(report.Findings)-1]; f.Severity != store.Loss {
		t.Fatalf("last finding: %v", f)
	}
}
