package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(exhaustedHelper) != "" {
		os.Exit(exhausted())
	}
	goleak.VerifyTestMain(m)
}

// patience bounds a wait for what must happen, on a machine that is busy.
const patience = time.Minute

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// reader is a caller: at each change it reads the file again.
type reader struct {
	*Watcher
	calls atomic.Int32
	text  atomic.Value
}

func read(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return "-"
	}
	return string(b)
}

func watching(t *testing.T, path string, open func() (*fsnotify.Watcher, error), watched ...string) *reader {
	t.Helper()
	r := &reader{}
	r.text.Store(read(path))
	r.Watcher = start(watched, 100*time.Millisecond, func() {
		r.text.Store(read(path))
		r.calls.Add(1)
	}, open)
	t.Cleanup(r.Close)
	return r
}

// reads waits until the caller has read want.
func (r *reader) reads(t *testing.T, want string) {
	t.Helper()
	began := time.Now()
	for r.text.Load() != want {
		if time.Since(began) > patience {
			t.Fatalf("after %v it has read %q, not %q", patience, r.text.Load(), want)
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Logf("%q after %v", want, time.Since(began).Round(time.Millisecond))
}

func write(t testing.TB, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

// styles are the ways in which editors and deployment tools change a file. Each
// begins with the file at path saying "one" and ends with it saying "two".
var styles = map[string]func(t *testing.T, path string){
	"in place": func(t *testing.T, path string) { write(t, path, "two") },
	"in place, the same size and time": func(t *testing.T, path string) {
		info, err := os.Stat(path)
		must(t, err)
		write(t, path, "two")
		must(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	},
	"renamed into place": func(t *testing.T, path string) {
		write(t, path+".tmp", "two")
		must(t, os.Rename(path+".tmp", path))
	},
	"old one kept as a backup, as by vim": func(t *testing.T, path string) {
		must(t, os.Rename(path, path+"~"))
		write(t, path, "two")
		must(t, os.Remove(path+"~"))
	},
	"deleted and created": func(t *testing.T, path string) {
		must(t, os.Remove(path))
		write(t, path, "two")
	},
	"truncated, then written": func(t *testing.T, path string) {
		must(t, os.Truncate(path, 0))
		time.Sleep(60 * time.Millisecond)
		write(t, path, "two")
	},
	"a burst of 1,000 writes": func(t *testing.T, path string) {
		for i := range 1000 {
			write(t, path, fmt.Sprint("two of ", i))
		}
		write(t, path, "two")
	},
	"directory replaced": func(t *testing.T, path string) {
		dir := filepath.Dir(path)
		must(t, os.Mkdir(dir+".new", 0o755))
		write(t, filepath.Join(dir+".new", filepath.Base(path)), "two")
		must(t, os.Rename(dir, dir+".old"), os.Rename(dir+".new", dir))
	},
	"directory deleted and made anew": func(t *testing.T, path string) {
		dir := filepath.Dir(path)
		must(t, os.RemoveAll(dir), os.Mkdir(dir, 0o755))
		write(t, path, "two")
	},
	"directory above replaced": func(t *testing.T, path string) {
		above := filepath.Dir(filepath.Dir(path))
		must(t, os.Rename(above, above+".old"), os.MkdirAll(filepath.Dir(path), 0o755))
		write(t, path, "two")
	},
	"replaced by a symbolic link": func(t *testing.T, path string) {
		write(t, path+".real", "two")
		must(t, os.Symlink(filepath.Base(path)+".real", path+".tmp"), os.Rename(path+".tmp", path))
	},
	"made to be readable": func(t *testing.T, path string) {
		write(t, path, "two")
		must(t, os.Chmod(path, 0o600))
	},
}

// again changes the file once more: watching did not end with the first change.
func again(t *testing.T, r *reader, path string) {
	t.Helper()
	write(t, path, "three, in place")
	r.reads(t, "three, in place")
	write(t, path+".next", "four")
	must(t, os.Rename(path+".next", path))
	r.reads(t, "four")
}

func TestStyles(t *testing.T) {
	// The directory, as for a policy, and the file, as for a configuration.
	for what, of := range map[string]func(string) string{
		"directory": filepath.Dir, "file": func(path string) string { return path },
	} {
		for name, change := range styles {
			t.Run(what+", "+name, func(t *testing.T) {
				t.Parallel()
				path := filepath.Join(t.TempDir(), "etc", "policy.d", "p.toml")
				must(t, os.MkdirAll(filepath.Dir(path), 0o755))
				write(t, path, "one")
				r := watching(t, path, fsnotify.NewWatcher, of(path))
				change(t, path)
				r.reads(t, "two")
				again(t, r, path)
				if s := r.State(); s.Polling {
					t.Errorf("it polls: %v", s.Err)
				}
			})
		}
	}
}

// As Kubernetes swaps the version of a volume: no event names the file.
func TestSwapOfAVolume(t *testing.T) {
	for what, of := range map[string]func(string) string{
		"directory": filepath.Dir, "file": func(path string) string { return path },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "p.toml")
			version := func(name, text string) {
				must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
				write(t, filepath.Join(dir, name, "p.toml"), text)
				must(t, os.Symlink(name, filepath.Join(dir, "..data_tmp")),
					os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
			}
			version("..v1", "one")
			must(t, os.Symlink(filepath.Join("..data", "p.toml"), path))
			r := watching(t, path, fsnotify.NewWatcher, of(path))
			for i, text := range []string{"two", "three", "four"} {
				version(fmt.Sprint("..v", i+2), text)
				must(t, os.RemoveAll(filepath.Join(dir, fmt.Sprint("..v", i+1))))
				r.reads(t, text)
			}
			// And what the link leads to, changed in place.
			write(t, filepath.Join(dir, "..v4", "p.toml"), "five")
			r.reads(t, "five")
		})
	}
}

func TestLinkToAnotherPlace(t *testing.T) {
	store, etc := t.TempDir(), t.TempDir()
	dir, path := filepath.Join(etc, "policy.d"), filepath.Join(etc, "policy.d", "p.toml")
	must(t, os.Mkdir(filepath.Join(store, "a"), 0o755), os.Mkdir(filepath.Join(store, "b"), 0o755))
	write(t, filepath.Join(store, "a", "p.toml"), "one")
	write(t, filepath.Join(store, "b", "p.toml"), "two")
	must(t, os.Symlink(filepath.Join(store, "a"), dir))
	r := watching(t, path, fsnotify.NewWatcher, dir)

	must(t, os.Symlink(filepath.Join(store, "b"), dir+".tmp"), os.Rename(dir+".tmp", dir))
	r.reads(t, "two")
	write(t, filepath.Join(store, "b", "p.toml"), "three")
	r.reads(t, "three")
}

func TestWhatIsNotThereYet(t *testing.T) {
	base := t.TempDir()
	path := filepath.Join(base, "a", "b", "c", "p.toml")
	r := watching(t, path, fsnotify.NewWatcher, filepath.Dir(path))
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	write(t, path, "one")
	r.reads(t, "one")
	must(t, os.RemoveAll(filepath.Join(base, "a")))
	r.reads(t, "-")
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	write(t, path, "two")
	r.reads(t, "two")
}

// Permissions decide whether a policy is read at all.
func TestPermissionsAlone(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "p.toml")
	write(t, path, "one")
	r := watching(t, path, fsnotify.NewWatcher, dir)
	for i, change := range []func() error{
		func() error { return os.Chmod(path, 0o666) },
		func() error { return os.Chmod(dir, 0o777) },
	} {
		must(t, change())
		for began := time.Now(); r.calls.Load() < int32(i+1); time.Sleep(5 * time.Millisecond) {
			if time.Since(began) > patience {
				t.Fatalf("change %d is not noticed", i+1)
			}
		}
	}
}

func TestABurstIsOneChange(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "p.toml")
	write(t, path, "one")
	r := watching(t, path, fsnotify.NewWatcher, dir)
	began := time.Now()
	for range 1000 {
		write(t, path, "two")
	}
	write(t, path, "end")
	took := time.Since(began)
	r.reads(t, "end")
	// It may have been kept waiting in between, for as long as ends a burst.
	if most := 2 + int32(took/(100*time.Millisecond)); r.calls.Load() > most {
		t.Errorf("%d calls for one burst of %v", r.calls.Load(), took)
	}
}

// While changes never stop, it still says so now and then.
func TestAnEndlessBurst(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "p.toml")
	r := watching(t, path, fsnotify.NewWatcher, dir)
	for began := time.Now(); r.calls.Load() < 2; time.Sleep(20 * time.Millisecond) {
		write(t, path, time.Now().String())
		if time.Since(began) > patience {
			t.Fatal("it waits for the end")
		}
	}
}

func TestNeighboursAreNoChange(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "policy.d")
	path := filepath.Join(dir, "p.toml")
	must(t, os.Mkdir(dir, 0o755))
	write(t, path, "one")
	r := watching(t, path, fsnotify.NewWatcher, dir)
	for range 20 {
		write(t, filepath.Join(base, "passwd"), "x")
	}
	write(t, path, "two")
	r.reads(t, "two")
	if n := r.calls.Load(); n > 2 {
		t.Errorf("%d calls", n)
	}
}

// When the system has no instance left, it looks, and watches once it has one.
func TestPollingAndBack(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "p.toml")
	write(t, path, "one")
	var full atomic.Bool
	full.Store(true)
	r := watching(t, path, func() (*fsnotify.Watcher, error) {
		if full.Load() {
			return nil, syscall.EMFILE
		}
		return fsnotify.NewWatcher()
	}, dir)
	if s := r.State(); !s.Polling || !errors.Is(s.Err, syscall.EMFILE) {
		t.Fatalf("state %+v", s)
	}
	write(t, path, "two")
	r.reads(t, "two")
	again(t, r, path)
	full.Store(false)
	for began := time.Now(); r.State().Polling; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatal("it still polls")
		}
	}
	again(t, r, path)
}

func TestLostWatcherIsReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "p.toml")
	write(t, path, "one")
	var first atomic.Pointer[fsnotify.Watcher]
	r := watching(t, path, func() (*fsnotify.Watcher, error) {
		w, err := fsnotify.NewWatcher()
		first.CompareAndSwap(nil, w)
		return w, err
	}, dir)
	must(t, first.Load().Close())
	again(t, r, path)
}

func TestOverflowLooksAgain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "p.toml")
	write(t, path, "one")
	var notify *fsnotify.Watcher
	r := watching(t, path, func() (*fsnotify.Watcher, error) {
		var err error
		notify, err = fsnotify.NewWatcher()
		return notify, err
	}, dir)
	notify.Errors <- fsnotify.ErrEventOverflow
	for began := time.Now(); r.calls.Load() == 0; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatal("an overflow is not answered")
		}
	}
}

func TestNothingAfterClose(t *testing.T) {
	dir := t.TempDir()
	var closed, late atomic.Bool
	w := New([]string{dir}, 10*time.Millisecond, func() { late.Store(closed.Load()) })
	for i := range 50 {
		write(t, filepath.Join(dir, fmt.Sprint(i)), "x")
	}
	w.Close()
	closed.Store(true)
	for i := range 50 {
		write(t, filepath.Join(dir, fmt.Sprint(i)), "y")
	}
	w.Close()
	if late.Load() {
		t.Error("called after Close")
	}
}
