package store_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vaultd/vaultd/vault/store"
)

// smallDisk is a file system of its own, of so many MiB.
func smallDisk(t *testing.T, size int) place {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=700", size)); err != nil {
		t.Skipf("mounting a small file system needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return place{dir}
}

// hog takes all space but so many MiB.
func hog(t *testing.T, p place, leave int64) (free func()) {
	t.Helper()
	path := filepath.Join(p.root, "hog")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := make([]byte, 64<<10); ; {
		var st unix.Statfs_t
		if err := unix.Statfs(p.root, &st); err != nil {
			t.Fatal(err)
		}
		if int64(st.Bavail)*st.Bsize <= leave<<20 {
			break
		}
		if _, err := f.Write(chunk); err != nil {
			if errors.Is(err, unix.ENOSPC) {
				break
			}
			t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

func TestFullDisk(t *testing.T) {
	p := smallDisk(t, 128)
	o := p.options()
	o.MinFree, o.Ballast = 0, 0
	s, err := store.Create(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	put(t, s, "key", "alive", 0)

	free := hog(t, p, 0)
	ordinary := store.Batch{Puts: []store.Put{{ID: id("other"), Body: []byte("x")}}}
	if err := s.Commit(t.Context(), ordinary); !errors.Is(err, store.ErrFull) {
		t.Fatalf("ordinary commit on a full disk: %v", err)
	}
	if st := s.Stats(); st.State != store.StateFull {
		t.Fatalf("state %v", st.State)
	}
	wantRecord(t, s, "key", "alive", 1)
	for i := range uint64(20) {
		urgent := store.Batch{
			Puts:   []store.Put{{ID: id("key"), Body: []byte("revoked"), Expect: 1 + i}},
			Urgent: true, Anchor: true,
		}
		if err := s.Commit(t.Context(), urgent); err != nil {
			t.Fatalf("urgent commit %d on a full disk: %v", i, err)
		}
	}
	if err := s.Rewrite(t.Context()); !errors.Is(err, store.ErrFull) && err != nil {
		t.Fatalf("rewrite on a full disk: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatalf("close on a full disk: %v", err)
	}
	if s, err = store.Open(o); err != nil {
		t.Fatalf("open on a nearly full disk: %v", err)
	}
	wantRecord(t, s, "key", "revoked", 21)
	wantMissing(t, s, "other")

	free()
	if err := s.Commit(t.Context(), ordinary); err != nil {
		t.Fatalf("space has returned: %v", err)
	}
	if st := s.Stats(); st.State != store.StateOK {
		t.Fatalf("state %v", st.State)
	}
	if _, err := os.Stat(filepath.Join(p.dir(), "ballast")); err != nil {
		t.Fatalf("the ballast was not filled again: %v", err)
	}

	// Somebody takes the very last byte, ballast included: still no crash,
	// no lost record, and a clear answer.
	hog(t, p, 0)
	if err := os.Remove(filepath.Join(p.dir(), "ballast")); err != nil {
		t.Fatal(err)
	}
	free = hog(t, p, 0)
	urgent := store.Batch{Puts: []store.Put{{ID: id("key"), Expect: 21}}, Urgent: true}
	if err := s.Commit(t.Context(), urgent); !errors.Is(err, store.ErrFull) {
		t.Fatalf("urgent commit without any space: %v", err)
	}
	wantRecord(t, s, "key", "revoked", 21)
	if err := s.Close(); err != nil && !errors.Is(err, store.ErrFull) {
		t.Fatalf("close without any space: %v", err)
	}
	_, err = store.Open(o)
	if err != nil && !errors.Is(err, store.ErrFull) {
		t.Fatalf("open without any space: %v", err)
	}
	free()
	if s, err = store.Open(o); err != nil {
		t.Fatalf("open after space has returned: %v", err)
	}
	wantRecord(t, s, "key", "revoked", 21)
	wantRecord(t, s, "other", "x", 1)
}

func TestCreateRefusesATinyDisk(t *testing.T) {
	p := smallDisk(t, 16)
	o := p.options()
	o.MinFree, o.Ballast = 0, 0
	if _, err := store.Create(o); !errors.Is(err, store.ErrFull) {
		t.Fatalf("create: %v", err)
	}
}
