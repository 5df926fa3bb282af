package audit_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/vaultd/vaultd/vault/audit"
)

func TestBusyLogLeavesTheMemoryToOthers(t *testing.T) {
	dir := logDir(t)
	if inMemory(t, filepath.Dir(dir)) {
		t.Skip("the directory for tests is in memory")
	}
	l := open(t, dir, audit.Options{})
	const records = 100_000 // some 38 MB
	write(t, l, 0, records)
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, name := range segments(t, dir) {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() < 32<<20 {
			t.Fatalf("%s has %d bytes: too few to show anything", name, info.Size())
		}
		var found unix.Cachestat_t
		err = unix.Cachestat(uint(f.Fd()), &unix.CachestatRange{}, &found, 0)
		if errors.Is(err, unix.ENOSYS) {
			t.Skip("this kernel does not tell what is cached")
		}
		if err != nil {
			t.Fatal(err)
		}
		if cached := int64(found.Cache) * int64(os.Getpagesize()); cached > 16<<20 {
			t.Errorf("%d of %d bytes are cached", cached, info.Size())
		}
	}
}

// inMemory reports whether dir is on a file system that has no disk below it.
func inMemory(t *testing.T, dir string) bool {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	return st.Type == unix.TMPFS_MAGIC || st.Type == unix.RAMFS_MAGIC
}
