//go:build linux

package faultfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vaultd/vaultd/test/faultfs"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("FAULTFS_MAP"); dir != "" {
		if err := mapAndSync(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func mount(t *testing.T, o faultfs.Options) *faultfs.FS {
	t.Helper()
	if err := faultfs.Unavailable(); err != nil {
		t.Skip(err)
	}
	f, err := faultfs.Mount(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return f
}

func seeded(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put writes a file and, if asked, syncs it.
func put(t *testing.T, name, text string, sync bool) {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	must(t, err)
	_, err = f.WriteString(text)
	must(t, err)
	if sync {
		must(t, f.Sync())
	}
	must(t, f.Close())
}

func syncDir(t *testing.T, dir string) {
	t.Helper()
	d, err := os.Open(dir)
	must(t, err)
	must(t, d.Sync())
	must(t, d.Close())
}

func text(img *faultfs.Image, name string) string {
	f := img.Files[name]
	if f == nil {
		return "(absent)"
	}
	return string(f.Data)
}

func TestCutKeepsOnlyWhatWasSynced(t *testing.T) {
	for _, c := range []struct {
		model                            faultfs.Model
		synced, unsynced, named, renamed string
	}{
		// In both models content without fsync is gone. A later fsync of
		// another file carries earlier names along only under Ext4.
		{faultfs.Ext4, "first", "", "named", "(absent)"},
		{faultfs.Posix, "first", "(absent)", "named", "(absent)"},
	} {
		t.Run(c.model.String(), func(t *testing.T) {
			f := mount(t, faultfs.Options{Model: c.model})
			at := func(name string) string { return filepath.Join(f.Dir(), name) }
			put(t, at("synced"), "first", true)
			put(t, at("unsynced"), "lost", false)
			put(t, at("named"), "named", true)
			if c.model == faultfs.Posix {
				must(t, os.Rename(at("unsynced"), at("later"))) // the name at the time of the sync is what counts
				syncDir(t, f.Dir())
				must(t, os.Rename(at("later"), at("unsynced")))
			}
			must(t, os.Rename(at("named"), at("renamed")))
			img := f.Cut(faultfs.AllLost, seeded(t))
			for name, want := range map[string]string{
				"synced": c.synced, "unsynced": c.unsynced, "named": c.named, "renamed": c.renamed,
			} {
				if got := text(img, name); got != want {
					t.Errorf("%s after the cut: %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestPosixLosesNamesWithoutDirectorySync(t *testing.T) {
	f := mount(t, faultfs.Options{Model: faultfs.Posix})
	put(t, filepath.Join(f.Dir(), "a"), "content is synced, the name is not", true)
	if img := f.Cut(faultfs.AllLost, seeded(t)); img.Files["a"] != nil {
		t.Error("the name outlived the cut without an fsync of its directory")
	}
}

func TestAtomicReplaceIsAtomic(t *testing.T) {
	for _, model := range []faultfs.Model{faultfs.Ext4, faultfs.Posix} {
		for _, loss := range []faultfs.Loss{faultfs.AllLost, faultfs.SomeKept, faultfs.Torn} {
			t.Run(fmt.Sprint(model, loss), func(t *testing.T) {
				rng := seeded(t)
				for range 20 {
					f := mount(t, faultfs.Options{Model: model})
					name := filepath.Join(f.Dir(), "file")
					put(t, name, "old", true)
					syncDir(t, f.Dir())
					put(t, name+".tmp", "new", true)
					must(t, os.Rename(name+".tmp", name))
					if got := text(f.Cut(loss, rng), "file"); got != "old" && got != "new" {
						t.Fatalf("after the cut: %q", got)
					}
				}
			})
		}
	}
}

// A shared mapping goes through the page cache: what msync covered is durable.
func TestMappedPagesAreDurableAfterMsync(t *testing.T) {
	f := mount(t, faultfs.Options{})
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "FAULTFS_MAP="+f.Dir())
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	img := f.Cut(faultfs.AllLost, seeded(t))
	file := img.Files["mapped"]
	if file == nil || len(file.Data) != 4*4096 {
		t.Fatalf("the image is\n%v", img)
	}
	if !bytes.Equal(file.Data[:6], []byte("synced")) {
		t.Errorf("the synced page starts with %q", file.Data[:6])
	}
	if bytes.Contains(file.Data, []byte("not-synced")) {
		t.Error("a page outlived the cut without msync")
	}
}

func mapAndSync(dir string) error {
	f, err := os.OpenFile(filepath.Join(dir, "mapped"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Truncate(4 * 4096); err != nil {
		return err
	}
	m, err := unix.Mmap(int(f.Fd()), 0, 4*4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	copy(m, "synced")
	if err := unix.Msync(m, unix.MS_SYNC); err != nil {
		return err
	}
	copy(m[2*4096:], "not-synced")
	return nil
}

func TestFaultsFireOnceWhereTold(t *testing.T) {
	f := mount(t, faultfs.Options{})
	at := func(name string) string { return filepath.Join(f.Dir(), name) }
	file, err := os.Create(at("journal-1"))
	must(t, err)
	defer file.Close()
	write := func() error { _, err := file.Write([]byte("x")); return err }

	in := f.Inject(faultfs.Fault{Op: faultfs.OpWrite, Glob: "journal-*", Skip: 1, Errno: syscall.ENOSPC})
	must(t, write())
	if err := write(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("second write: %v", err)
	}
	must(t, write())
	if in.Fired() != 1 || filepath.Base(in.Path()) != "journal-1" {
		t.Errorf("fired %d times, last on %q", in.Fired(), in.Path())
	}

	f.Inject(faultfs.Fault{Op: faultfs.OpFsync, Forget: true})
	if err := file.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("sync: %v", err)
	}
	must(t, file.Sync())
	f.Inject(faultfs.Fault{Op: faultfs.OpRename})
	if err := os.Rename(at("journal-1"), at("b")); !errors.Is(err, syscall.EIO) {
		t.Errorf("rename: %v", err)
	}
	f.Inject(faultfs.Fault{Op: faultfs.OpCreate, Glob: "c"})
	if _, err := os.Create(at("c")); !errors.Is(err, syscall.EIO) {
		t.Errorf("create: %v", err)
	}
	// The fsync that failed forgot its page: nothing of it is durable.
	if got := text(f.Cut(faultfs.AllLost, seeded(t)), "journal-1"); got != "\x00\x00" {
		t.Errorf("after a forgotten fsync the disk holds %q", got)
	}
}

func TestFullFileSystem(t *testing.T) {
	f := mount(t, faultfs.Options{Capacity: 8 * 4096})
	err := os.WriteFile(filepath.Join(f.Dir(), "a"), make([]byte, 9*4096), 0o600)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write beyond the capacity: %v", err)
	}
	must(t, os.Remove(filepath.Join(f.Dir(), "a")))
	must(t, os.WriteFile(filepath.Join(f.Dir(), "b"), make([]byte, 8*4096), 0o600))
	var st unix.Statfs_t
	must(t, unix.Statfs(f.Dir(), &st))
	if st.Bavail != 0 {
		t.Errorf("%d blocks free on a full file system", st.Bavail)
	}
}

// Whatever a program does, what it synced is what it finds: a long random run
// against a model, over several cuts.
func TestSyncedFilesOutliveEveryCut(t *testing.T) {
	rng := seeded(t)
	for _, model := range []faultfs.Model{faultfs.Ext4, faultfs.Posix} {
		for _, loss := range []faultfs.Loss{faultfs.AllLost, faultfs.SomeKept, faultfs.Torn} {
			var img *faultfs.Image
			for range 5 {
				img = oneLife(t, rng, model, loss, img)
			}
		}
	}
}

func oneLife(t *testing.T, rng *rand.Rand, model faultfs.Model, loss faultfs.Loss, img *faultfs.Image) *faultfs.Image {
	f := mount(t, faultfs.Options{Model: model, Image: img})
	want := map[string]string{} // absent or synced content
	for range 100 {
		name := fmt.Sprintf("f%d", rng.IntN(8))
		full := filepath.Join(f.Dir(), name)
		switch rng.IntN(3) {
		case 0:
			put(t, full, fmt.Sprint("volatile ", rng.Uint64()), false)
			delete(want, name)
		case 1:
			s := string(bytes.Repeat([]byte{byte('a' + rng.IntN(26))}, rng.IntN(20_000)))
			put(t, full, s, true)
			syncDir(t, f.Dir())
			want[name] = s
		case 2:
			if err := os.Remove(full); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			syncDir(t, f.Dir())
			want[name] = "(absent)"
		}
	}
	cut := f.Cut(loss, rng)
	for name, s := range want {
		if got := text(cut, name); got != s {
			t.Fatalf("%v, %v: %s holds %d bytes, not the %d synced ones", model, loss, name, len(got), len(s))
		}
	}
	f.Thaw()
	return cut
}

func TestImageSurvivesTheDisk(t *testing.T) {
	f := mount(t, faultfs.Options{})
	must(t, os.Mkdir(filepath.Join(f.Dir(), "d"), 0o700))
	put(t, filepath.Join(f.Dir(), "d", "x"), "inside", true)
	dir := filepath.Join(t.TempDir(), "copy")
	must(t, f.Cut(faultfs.AllLost, seeded(t)).WriteTo(dir))
	img, err := faultfs.ReadImage(dir)
	must(t, err)
	g := mount(t, faultfs.Options{Image: img})
	b, err := os.ReadFile(filepath.Join(g.Dir(), "d", "x"))
	if err != nil || string(b) != "inside" {
		t.Errorf("read %q, %v", b, err)
	}
}
