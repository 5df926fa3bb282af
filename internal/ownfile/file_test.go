//go:build unix

package ownfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const written = "the bytes that were written"

func right(b []byte) bool { return string(b) == written }

// must ends the test at the first error.
func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func put(path, text string) error { return os.WriteFile(path, []byte(text), 0o600) }

// edit writes into the file where it is, and sets the times back.
func edit(path, text string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close(), os.Chtimes(path, info.ModTime(), info.ModTime()))
}

func TestWhatOthersDoIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		do    func(path string) error
		want  string
		again string // at the next look
	}{
		"nothing": {func(string) error { return nil }, "", ""},
		"read":    {func(p string) error { _, err := os.ReadFile(p); return err }, "", ""},
		"removed": {os.Remove, "was removed", "was removed"},
		"replaced by a copy": {func(p string) error {
			return errors.Join(put(p+".new", written), os.Rename(p+".new", p))
		}, "was replaced by another; its bytes are right", ""},
		"replaced": {func(p string) error {
			return errors.Join(put(p+".new", "other"), os.Rename(p+".new", p))
		}, "was replaced by another, with other bytes", "was replaced by another, with other bytes"},
		"replaced by a link": {func(p string) error {
			return errors.Join(os.Rename(p, p+".old"), os.Symlink(p+".old", p))
		}, "was replaced by another, with other bytes", "was replaced by another, with other bytes"},
		"replaced by a FIFO": {func(p string) error {
			return errors.Join(os.Remove(p), unix.Mkfifo(p, 0o600))
		}, "was replaced by another, with other bytes", "was replaced by another, with other bytes"},
		"edited": {func(p string) error { return edit(p, "THE") }, "does not have the bytes that were written", "does not have the bytes that were written"},
		"longer": {func(p string) error { return put(p, written+written) }, "does not have the bytes that were written", "does not have the bytes that were written"},
		"touched": {func(p string) error {
			return os.Chtimes(p, time.Now(), time.Now())
		}, "was touched; its bytes are right", ""},
		"written again": {func(p string) error { return edit(p, written) }, "was touched; its bytes are right", ""},
		"mode":          {func(p string) error { return os.Chmod(p, 0o644) }, "has mode 0644 now, not 0600; its bytes are right", ""},
		"linked": {func(p string) error {
			return os.Link(p, p+".link")
		}, "has another name now; its bytes are right", ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			must(t, put(path, written))
			f := File{Path: path, Limit: 64}
			f.Wrote()
			for range 2 {
				if got := f.Look(right); got != "" {
					t.Fatalf("at first: %q", got)
				}
			}
			ageOf(t, path)
			must(t, c.do(path))
			for _, want := range []string{c.want, c.again} {
				if got := f.Look(right); got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			}
		})
	}
}

// ageOf waits until a change of the file gets another time than its last one:
// file systems count in steps.
func ageOf(t *testing.T, path string) {
	t.Helper()
	mark, err := Of(path)
	must(t, err)
	probe := filepath.Join(t.TempDir(), "probe")
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		must(t, put(probe, ""))
		if p, err := Of(probe); err == nil && p.Changed > mark.Changed {
			return
		}
	}
	t.Skip("the file system's clock stands")
}

// What happens between the process's own write and the first look shows as well.
func TestEditRightAfterTheOwnWriteIsSaid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	must(t, put(path, written))
	f := File{Path: path, Limit: 64}
	f.Wrote()
	must(t, edit(path, "THE"))
	if got := f.Look(right); !strings.Contains(got, "bytes") {
		t.Errorf("got %q", got)
	}
}

func TestOwnWritesAreNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	f := File{Path: path, Limit: 64}
	for range 50 {
		must(t, put(path+".new", written), os.Rename(path+".new", path))
		f.Wrote()
		if got := f.Look(right); got != "" {
			t.Fatal(got)
		}
	}
}
