package store_test

import (
	"bytes"
	"crypto/rand"
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

func TestRewriteKeepsEveryRecord(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	for i := range 300 {
		put(t, s, fmt.Sprint(i), fmt.Sprint("first ", i), 0)
	}
	put(t, s, "7", "second", 1)
	if err := s.Commit(t.Context(), store.Batch{Deletes: []store.ID{id("8")}}); err != nil {
		t.Fatal(err)
	}
	before := s.Stats()
	if err := s.Rewrite(t.Context()); err != nil {
		t.Fatal(err)
	}
	check := func(s *store.Store) {
		t.Helper()
		st := s.Stats()
		if st.Generation != 2 || st.Seq != before.Seq || st.Records != 299 {
			t.Fatalf("stats %+v", st)
		}
		wantRecord(t, s, "0", "first 0", 1)
		wantRecord(t, s, "7", "second", 2)
		wantMissing(t, s, "8")
	}
	check(s)
	list, err := filepath.Glob(filepath.Join(p.dir(), "*-1*"))
	if err != nil || len(list) != 0 {
		t.Fatalf("files of the old generation are left: %v %v", list, err)
	}
	closeStore(t, s)
	s = p.open(t)
	check(s)
	put(t, s, "7", "third", 2)
	closeStore(t, s)
	wantRecord(t, p.open(t), "7", "third", 3)
}

func TestRewriteUnderLoad(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	const writers = 8
	last := make([]uint64, writers)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			path := fmt.Sprint("counter ", w)
			for {
				select {
				case <-stop:
					return
				default:
				}
				b := store.Batch{Puts: []store.Put{{ID: id(path), Body: fmt.Append(nil, last[w]+1), Expect: last[w]}}}
				if w%2 == 1 && last[w]%10 == 9 {
					b.Puts = append(b.Puts, store.Put{ID: id(fmt.Sprint(path, " done ", last[w])), Body: []byte("x")})
				}
				if err := s.Commit(t.Context(), b); err != nil {
					t.Error(err)
					return
				}
				last[w]++
				if r, err := s.Get(id(path)); err != nil || r.Version != last[w] {
					t.Errorf("%s: version %d, %v; want %d", path, r.Version, err, last[w])
					return
				}
			}
		})
	}
	for range 5 {
		if err := s.Rewrite(t.Context()); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	wg.Wait()
	closeStore(t, s)
	s = p.open(t)
	if g := s.Stats().Generation; g != 6 {
		t.Errorf("generation %d", g)
	}
	for w := range writers {
		wantRecord(t, s, fmt.Sprint("counter ", w), fmt.Sprint(last[w]), last[w])
	}
}

func TestGarbageIsCompactedByItself(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	body := make([]byte, 200<<10)
	for i := range uint64(40) {
		rand.Read(body)
		b := store.Batch{Puts: []store.Put{{ID: id("big"), Body: body, Expect: i}}}
		if err := s.Commit(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(time.Minute); s.Stats().Generation == 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no rewrite: %+v", s.Stats())
		}
	}
	if r, err := s.Get(id("big")); err != nil || !bytes.Equal(r.Body, body) || r.Version != 40 {
		t.Fatalf("version %d, %v", r.Version, err)
	}
}

func TestRewriteDropsTheOldKeys(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	put(t, s, "a", "secret", 0)
	old := readFile(t, filepath.Join(p.dir(), "keyring"))
	if err := s.Rewrite(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"keyring", "keyring.backup"} {
		if b := readFile(t, filepath.Join(p.dir(), f)); bytes.Equal(b, old) {
			t.Errorf("%s still holds the old generation's keys", f)
		}
	}
	closeStore(t, s)
	for _, f := range []string{"keyring", "keyring.backup"} {
		if err := os.WriteFile(filepath.Join(p.dir(), f), old, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Open(p.options()); err == nil {
		t.Fatal("a store with yesterday's keyring opens")
	}
}

func TestNothingLegibleOnDisk(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	put(t, s, "alice/session-key", "a body that must not be seen", 0)
	for range 2 {
		if err := filepath.WalkDir(p.root, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b := readFile(t, path)
			for _, word := range []string{"alice", "session-key", "must not be seen"} {
				if bytes.Contains(b, []byte(word)) {
					t.Errorf("%s holds %q", strings.TrimPrefix(path, p.root), word)
				}
			}
			key := p.options().RootKey
			if bytes.Contains(b, key) {
				t.Errorf("%s holds the root key", path)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
	}
	if _, err := os.Stat(filepath.Join(p.dir(), "clean")); errors.Is(err, os.ErrNotExist) {
		t.Error("not closed in order")
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
