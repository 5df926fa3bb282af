package store_test

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/vaultd/vaultd/vault/store"
)

type modelRecord struct {
	body    string
	version uint64
}

// TestStoreIsAMap runs random operations on a store and on a map beside it,
// with orderly closes, crashes and rewrites in between.
func TestStoreIsAMap(t *testing.T) {
	if err := flag.Set("rapid.checks", strconv.Itoa(long(5, 300))); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		root, err := os.MkdirTemp("", "store")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(root)
		p := place{root}
		s, err := store.Create(p.options())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { s.Close() }()
		model := map[string]modelRecord{}
		paths := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
		reopen := func() {
			seen := map[string]modelRecord{}
			o := p.options()
			o.Visit = func(r store.Record) error {
				seen[r.Path] = modelRecord{string(r.Body), r.Version}
				return nil
			}
			if s, err = store.Open(o); err != nil {
				t.Fatal(err)
			}
			if !maps.Equal(seen, model) {
				t.Fatalf("visited %v, want %v", seen, model)
			}
		}
		last := map[string]uint64{} // versions of deleted records
		t.Repeat(map[string]func(*rapid.T){
			"commit": func(t *rapid.T) {
				next := maps.Clone(model)
				var b store.Batch
				conflict := false
				for range rapid.IntRange(1, 3).Draw(t, "puts") {
					path := paths.Draw(t, "path")
					body := rapid.StringN(0, 20, -1).Draw(t, "body")
					expect := next[path].version
					if rapid.IntRange(0, 9).Draw(t, "wrong") == 0 {
						expect++
						conflict = true
					}
					b.Puts = append(b.Puts, store.Put{ID: id(path), Body: []byte(body), Expect: expect})
					next[path] = modelRecord{body, next[path].version + 1}
				}
				b.Anchor = rapid.Bool().Draw(t, "anchor")
				err := s.Commit(t.Context(), b)
				if conflict {
					if !errors.Is(err, store.ErrConflict) {
						t.Fatalf("conflict: %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				for path, r := range next {
					if _, known := model[path]; !known && last[path] != 0 {
						got, err := s.Get(id(path))
						if err != nil {
							t.Fatal(err)
						}
						r.version = got.Version // it may go on from the deleted one
						next[path] = r
					}
				}
				model = next
			},
			"delete": func(t *rapid.T) {
				path := paths.Draw(t, "path")
				if err := s.Commit(t.Context(), store.Batch{Deletes: []store.ID{id(path)}}); err != nil {
					t.Fatal(err)
				}
				if r, ok := model[path]; ok {
					last[path] = r.version
				}
				delete(model, path)
			},
			"reopen": func(t *rapid.T) {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				reopen()
			},
			"crash": func(t *rapid.T) {
				copied, err := os.MkdirTemp("", "store")
				if err != nil {
					t.Fatal(err)
				}
				copyTree(t, root, copied)
				s.Close()
				copyTree(t, copied, root)
				os.RemoveAll(copied)
				reopen()
			},
			"rewrite": func(t *rapid.T) {
				if err := s.Rewrite(t.Context()); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) {
				seen := map[string]modelRecord{}
				if err := s.Scan(func(r store.Record) error {
					seen[r.Path] = modelRecord{string(r.Body), r.Version}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				if !maps.Equal(seen, model) {
					t.Fatalf("store holds %v, want %v", seen, model)
				}
				for _, path := range []string{"a", "b", "c", "d", "e"} {
					r, err := s.Get(id(path))
					if want, ok := model[path]; ok != (err == nil) || ok && fmt.Sprint(string(r.Body), r.Version) != fmt.Sprint(want.body, want.version) {
						t.Fatalf("get %s: %v %v, want %v", path, r, err, want)
					}
				}
			},
		})
	})
}
