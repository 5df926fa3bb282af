package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/vaultd/vaultd/vault/store"
)

// fataler is what testing.T and rapid.T have in common.
type fataler interface {
	Helper()
	Fatal(args ...any)
}

// copyTree copies a directory as a crash would leave it.
func copyTree(t fataler, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if err := os.WriteFile(target, bytes.TrimRight(b, "\x00"), 0o600); err != nil {
			return err
		}
		return os.Truncate(target, int64(len(b))) // Badger's files are mostly holes
	})
	if err != nil {
		t.Fatal(err)
	}
}

// contents is what a store must hold.
type contents map[string]string

// verify opens the store and compares; differ says whether it opened but held
// something else.
func (c contents) verify(o store.Options) (differ, err error) {
	seen := contents{}
	o.Visit = func(r store.Record) error { seen[r.Path] = string(r.Body); return nil }
	s, err := store.Open(o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if len(seen) != len(c) {
		return fmt.Errorf("%d records instead of %d", len(seen), len(c)), nil
	}
	for path, body := range c {
		if seen[path] != body {
			return fmt.Errorf("%s is %q", path, seen[path]), nil
		}
		if r, err := s.Get(id(path)); err != nil || string(r.Body) != body {
			return fmt.Errorf("get %s: %q %v", path, r.Body, err), nil
		}
	}
	return nil, nil
}

// typed reports whether an error is one the vault can tell a person.
func typed(err error) bool {
	var damage *store.ErrCorrupt
	return errors.As(err, &damage) || errors.Is(err, store.ErrRolledBack) || errors.Is(err, store.ErrNoStore)
}

// harm flips one bit of, truncates, or removes a random file under root and
// says what it did.
func harm(t testing.TB, root string, r *rand.Rand) (file, what string) {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "ballast" && d.Name() != "lock" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	file = files[r.IntN(len(files))]
	b := readFile(t, file)
	switch n := r.IntN(10); {
	case n == 0:
		what = "removed"
		err = os.Remove(file)
	case n < 4 || len(b) == 0:
		at := r.IntN(len(b) + 1)
		what = fmt.Sprintf("cut to %d of %d bytes", at, len(b))
		err = os.Truncate(file, int64(at))
	default:
		at := r.IntN(len(b))
		what = fmt.Sprintf("bit flipped in byte %d of %d", at, len(b))
		b[at] ^= 1 << r.IntN(8)
		err = os.WriteFile(file, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	rel, _ := filepath.Rel(root, file)
	return rel, what
}

// TestDamageIsHarmlessOrNamed damages one file at a time, of a store closed in
// order and of one that was not. The store then opens with everything, or
// says that it is damaged; Check agrees, and its repair brings everything
// back.
func TestDamageIsHarmlessOrNamed(t *testing.T) {
	for _, state := range []string{"closed", "crashed"} {
		t.Run(state, func(t *testing.T) {
			p := newPlace(t)
			s := p.create(t)
			want := contents{}
			for i := range 120 {
				path := fmt.Sprint("key ", i)
				put(t, s, path, "old "+path, 0)
				put(t, s, path, "new "+path, 1)
				want[path] = "new " + path
				if i == 60 {
					if err := s.Rewrite(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
			// The anchor may lag by a second; the crash here is later.
			if err := s.Commit(t.Context(), store.Batch{Anchor: true}); err != nil {
				t.Fatal(err)
			}
			saved, harmed := newPlace(t), newPlace(t)
			if state == "closed" {
				closeStore(t, s)
			}
			copyTree(t, p.root, saved.root)
			s.Close()

			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			r := rand.New(rand.NewPCG(seed, 0))
			outcomes := map[string]int{}
			for trial := range long(150, 5000) {
				copyTree(t, saved.root, p.root)
				file, what := harm(t, p.root, r)
				if trial%4 == 0 {
					copyTree(t, p.root, harmed.root)
				}
				differ, err := want.verify(p.options())
				switch {
				case differ != nil:
					t.Fatalf("%s %s: opened with wrong content: %v", file, what, differ)
				case err == nil:
					outcomes["harmless"]++
					continue
				case !typed(err):
					t.Fatalf("%s %s: %v", file, what, err)
				}
				outcomes["named"]++
				if trial%4 == 0 {
					wantRepaired(t, harmed, want, file, what, err)
				}
			}
			t.Log(outcomes)
			if outcomes["named"] == 0 {
				t.Error("no damage was noticed")
			}
		})
	}
}

func (p place) checkOptions() store.CheckOptions {
	o := p.options()
	return store.CheckOptions{Dir: o.Dir, AnchorPath: o.AnchorPath, VaultID: o.VaultID, RootKey: o.RootKey}
}

func wantRepaired(t *testing.T, p place, want contents, file, what string, refused error) {
	t.Helper()
	report, err := store.Check(p.checkOptions())
	if err != nil {
		t.Fatalf("%s %s: check: %v", file, what, err)
	}
	if report.OK() {
		t.Fatalf("%s %s: open says %v, check finds nothing", file, what, refused)
	}
	o := p.checkOptions()
	o.Repair = true
	report, err = store.Check(o)
	if err != nil {
		t.Fatalf("%s %s: repair: %v", file, what, err)
	}
	options := p.options()
	if errors.Is(refused, store.ErrRolledBack) {
		options.AcceptRollback = true
	} else if !report.OK() {
		t.Fatalf("%s %s: not repaired: %v", file, what, report.Findings)
	}
	if differ, err := want.verify(options); err != nil || differ != nil {
		t.Fatalf("%s %s: after repair: %v %v (%v)", file, what, err, differ, report.Findings)
	}
}
