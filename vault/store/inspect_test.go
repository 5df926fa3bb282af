//go:build unix

package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

// inspect returns what the store says of its files, one "file: what" a line.
func inspect(t *testing.T, s *store.Store) string {
	t.Helper()
	found, err := s.Inspect(t.Context(), "header")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintf(&b, "%s: %s\n", f.File, f.What)
	}
	return b.String()
}

// swapped puts a copy of the file in its place.
func swapped(path string) error {
	b, err := os.ReadFile(path)
	return errors.Join(err, os.WriteFile(path+".copy", b, 0o600), os.Rename(path+".copy", path))
}

func appended(path string, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func planted(path string) error { return os.WriteFile(path, nil, 0o600) }

func TestInspectSaysWhatOthersDid(t *testing.T) {
	if testing.Short() {
		t.Skip("makes many stores")
	}
	for name, c := range map[string]struct {
		do   func(p place) error
		want string
	}{
		"keyring removed":      {func(p place) error { return os.Remove(p.dir() + "/keyring") }, "keyring: was removed"},
		"keyring swapped":      {func(p place) error { return swapped(p.dir() + "/keyring.backup") }, "keyring.backup: was replaced by another; its bytes are right"},
		"keyring edited":       {func(p place) error { return appended(p.dir()+"/keyring", "x") }, "keyring: does not have the bytes that were written"},
		"keyring touched":      {func(p place) error { return os.Chtimes(p.dir()+"/keyring", time.Time{}, time.Unix(1, 0)) }, "keyring: was touched"},
		"journal cut off":      {func(p place) error { return os.Truncate(p.dir()+"/journal-1.a", 100) }, "journal-1.a: was cut off"},
		"journal longer":       {func(p place) error { return appended(p.dir()+"/journal-1.b", "x") }, "journal-1.b: got bytes from somebody else"},
		"journal swapped":      {func(p place) error { return swapped(p.dir() + "/journal-1.b") }, "journal-1.b: was replaced by another"},
		"journal moved":        {func(p place) error { return os.Rename(p.dir()+"/journal-1.a", p.dir()+"/j") }, "journal-1.a: was removed\nj: was put there by somebody else"},
		"journal linked":       {func(p place) error { return os.Link(p.dir()+"/journal-1.a", p.root+"/j") }, "journal-1.a: has another name now"},
		"journal for all":      {func(p place) error { return os.Chmod(p.dir()+"/journal-1.a", 0o666) }, "journal-1.a: can be written by others now"},
		"stranger":             {func(p place) error { return planted(p.dir() + "/clean") }, "clean: was put there by somebody else"},
		"another generation":   {func(p place) error { return planted(p.dir() + "/journal-2.a") }, "journal-2.a: was put there by somebody else"},
		"lock removed":         {func(p place) error { return os.Remove(p.dir() + "/lock") }, "lock: was removed"},
		"ballast removed":      {func(p place) error { return os.Remove(p.dir() + "/ballast") }, "ballast: was removed"},
		"directory for all":    {func(p place) error { return os.Chmod(p.dir(), 0o777) }, "store: has mode 0777 now, not 0700"},
		"directory moved":      {func(p place) error { return os.Rename(p.dir(), p.root+"/away") }, "store: was removed"},
		"anchor removed":       {func(p place) error { return os.Remove(p.anchor()) }, "anchor: was removed"},
		"anchor edited":        {func(p place) error { return appended(p.anchor(), "x") }, "anchor: does not have the bytes that were written"},
		"anchor swapped":       {func(p place) error { return swapped(p.anchor()) }, "anchor: was replaced by another; its bytes are right"},
		"database removed":     {func(p place) error { return os.Rename(p.dir()+"/db-1", p.root+"/away") }, "db-1: was removed"},
		"database log removed": {func(p place) error { return removeAll(p.dir() + "/db-1/*.mem") }, ".mem: was removed"},
		"manifest swapped":     {func(p place) error { return swapped(p.dir() + "/db-1/MANIFEST") }, "db-1/MANIFEST: was replaced by another"},
		"manifest removed":     {func(p place) error { return os.Remove(p.dir() + "/db-1/MANIFEST") }, "db-1/MANIFEST: was removed"},
		"database stranger":    {func(p place) error { return planted(p.dir() + "/db-1/x") }, "db-1/x: was put there by somebody else"},
		"foreign table":        {func(p place) error { return planted(p.dir() + "/db-1/000900.sst") }, "db-1: has "},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			s := p.create(t)
			put(t, s, "1", "one", 0)
			if got := inspect(t, s); got != "" {
				t.Fatalf("at first: %s", got)
			}
			time.Sleep(10 * time.Millisecond) // the file system's clock has steps
			if err := c.do(p); err != nil {
				t.Fatal(err)
			}
			if got := inspect(t, s); !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			// Badger could not be closed without its directory.
			for _, home := range []string{p.dir(), p.dir() + "/db-1"} {
				if _, err := os.Stat(home); err != nil {
					if err := os.Rename(p.root+"/away", home); err != nil {
						t.Fatal(err)
					}
				}
			}
		})
	}
}

func removeAll(pattern string) error {
	names, err := filepath.Glob(pattern)
	for _, n := range names {
		err = errors.Join(err, os.Remove(n))
	}
	return err
}

// A touched anchor shows although the store itself writes it right after.
func TestInspectSeesBehindTheOwnWrite(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	put(t, s, "1", "one", 0)
	if got := inspect(t, s); got != "" {
		t.Fatal(got)
	}
	if err := swapped(p.anchor()); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(t.Context(), store.Batch{Puts: []store.Put{{ID: id("2"), Body: []byte("two")}}, Anchor: true}); err != nil {
		t.Fatal(err)
	}
	if got := inspect(t, s); !strings.Contains(got, "anchor: was replaced by another") {
		t.Errorf("got %q", got)
	}
}

// Whatever the store does by itself is no news.
func TestInspectRaisesNoFalseAlarm(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
	defer stop()
	var work sync.WaitGroup
	for w := range 6 {
		work.Go(func() {
			body := make([]byte, 20<<10)
			for i := uint64(0); ctx.Err() == nil; i++ {
				path := fmt.Sprint(w, "/", i%50)
				b := store.Batch{Puts: []store.Put{{ID: id(path), Body: body, Expect: i / 50}}, Anchor: i%16 == 0, Urgent: i%8 == 0}
				if err := s.Commit(context.Background(), b); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	work.Go(func() {
		for ctx.Err() == nil {
			if err := s.Rewrite(context.Background()); err != nil {
				t.Error(err)
			}
			time.Sleep(200 * time.Millisecond)
		}
	})
	looks := 0
	for ; ctx.Err() == nil && !t.Failed(); looks++ {
		found, err := s.Inspect(ctx, "header")
		if len(found) > 0 || err != nil && ctx.Err() == nil {
			t.Errorf("look %d: %v, %v", looks, found, err)
		}
	}
	work.Wait()
	if got := inspect(t, s); got != "" {
		t.Error(got)
	}
	st := s.Stats()
	t.Logf("%d looks beside %d commits and %d rewrites", looks, st.Seq, st.Generation-1)
	closeStore(t, s)
	s = p.open(t)
	if got := inspect(t, s); got != "" {
		t.Error(got)
	}
}
