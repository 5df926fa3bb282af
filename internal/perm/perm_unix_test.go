//go:build unix

package perm

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		dir, file fs.FileMode
		check     func(string) error
		want      string // part of the error, empty for none
	}{
		"private":              {0o700, 0o600, Private, ""},
		"readable":             {0o755, 0o644, Check, ""},
		"readable, private":    {0o755, 0o640, Private, "open to others"},
		"group may write":      {0o755, 0o620, Check, "chmod go-w"},
		"all may write":        {0o755, 0o606, Check, "chmod go-w"},
		"directory of a group": {0o775, 0o600, Check, ""},
		"open directory":       {0o777, 0o600, Check, "replaced"},
		"sticky directory":     {0o777 | fs.ModeSticky, 0o600, Check, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "d")
			file := filepath.Join(dir, "f")
			if err := errors.Join(os.Mkdir(dir, 0o700), os.WriteFile(file, nil, 0o600),
				os.Chmod(file, c.file), os.Chmod(dir, c.dir)); err != nil {
				t.Fatal(err)
			}
			err := c.check(file)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestLinksAreFollowed(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(target, nil, 0o600), os.Chmod(target, 0o666), os.Symlink(target, link)); err != nil {
		t.Fatal(err)
	}
	if err := Check(link); err == nil || !strings.Contains(err.Error(), target) {
		t.Fatalf("through the link: %v", err)
	}
}

func TestAbsentStaysAbsent(t *testing.T) {
	if err := Check(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
}

func TestOfSomebodyElse(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	file := filepath.Join(t.TempDir(), "f")
	if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Chown(file, 12345, 12345)); err != nil {
		t.Fatal(err)
	}
	if err := Check(file); err == nil || !strings.Contains(err.Error(), "belongs to user 12345") {
		t.Fatal(err)
	}
}

// What is missing yet is judged by the directory that it would be made in.
func TestOwned(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make directories of others")
	}
	dir := t.TempDir()
	mine, other, open := filepath.Join(dir, "mine"), filepath.Join(dir, "other"), filepath.Join(dir, "open")
	link := filepath.Join(mine, "link")
	err := errors.Join(os.Mkdir(mine, 0o775), os.Mkdir(other, 0o700), os.Chown(other, 4711, 4711),
		os.Mkdir(open, 0o700), os.Chmod(open, 0o777), os.Symlink(other, link))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		mine: "", filepath.Join(mine, "a/b"): "",
		other: "user 4711", filepath.Join(other, "a/b"): "user 4711", filepath.Join(link, "a"): "user 4711",
		filepath.Join(open, "a"): "replaced",
	} {
		if err := Owned(path); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}

// A file that is swapped for another between the look at it and its opening, or
// that is a pipe nobody writes to, is refused at once.
func TestOpenLooksAtWhatItOpens(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := Open(pipe); err == nil || !strings.Contains(err.Error(), "regular") {
		t.Errorf("a pipe: %v, %v", f, err)
	}

	dir := t.TempDir()
	good, bad, file := filepath.Join(dir, "good"), filepath.Join(dir, "bad"), filepath.Join(dir, "file")
	if err := errors.Join(os.WriteFile(good, nil, 0o600), os.WriteFile(bad, nil, 0o600), os.Chmod(bad, 0o666)); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var swaps sync.WaitGroup
	swaps.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			next := filepath.Join(dir, "next")
			_ = os.Symlink([]string{good, bad}[i%2], next)
			_ = os.Rename(next, file)
		}
	})
	defer func() { close(stop); swaps.Wait() }()
	opened := 0
	for deadline := time.Now().Add(300 * time.Millisecond); time.Now().Before(deadline); {
		f, err := Open(file)
		if err != nil {
			continue
		}
		opened++
		info, err := f.Stat()
		_ = f.Close()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("opened a file of mode %v, %v", info.Mode(), err)
		}
	}
	t.Logf("opened %d times", opened)
}
