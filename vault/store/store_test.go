package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vaultd/vaultd/vault/store"
)

func TestMain(m *testing.M) {
	if root := os.Getenv(childVariable); root != "" {
		writeUntilKilled(place{root})
		return
	}
	goleak.VerifyTestMain(m)
}

// place is a fresh directory for a store, with its anchor beside it.
type place struct{ root string }

func newPlace(t testing.TB) place {
	t.Helper()
	return place{t.TempDir()}
}

func (p place) dir() string    { return filepath.Join(p.root, "store") }
func (p place) anchor() string { return filepath.Join(p.root, "anchor") }

func (p place) options() store.Options {
	key := sha256.Sum256([]byte("root key of the tests"))
	return store.Options{
		Dir:        p.dir(),
		AnchorPath: p.anchor(),
		VaultID:    [16]byte{1, 2, 3},
		RootKey:    key[:],
		MinFree:    16 << 20,
		Ballast:    1 << 20,
	}
}

func (p place) create(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Create(p.options())
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func (p place) open(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(p.options())
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func closeStore(t testing.TB, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}
}

func id(path string) store.ID { return store.ID{Kind: 1, Path: path} }

func put(t testing.TB, s *store.Store, path, body string, expect uint64) {
	t.Helper()
	b := store.Batch{Puts: []store.Put{{ID: id(path), Body: []byte(body), Expect: expect}}}
	if err := s.Commit(t.Context(), b); err != nil {
		t.Fatalf("put %s: %v", path, err)
	}
}

func wantRecord(t testing.TB, s *store.Store, path, body string, version uint64) {
	t.Helper()
	r, err := s.Get(id(path))
	if err != nil {
		t.Fatalf("get %s: %v", path, err)
	}
	if string(r.Body) != body || r.Version != version || r.ID != id(path) {
		t.Fatalf("get %s = %q version %d, want %q version %d", path, r.Body, r.Version, body, version)
	}
}

func wantMissing(t testing.TB, s *store.Store, path string) {
	t.Helper()
	if _, err := s.Get(id(path)); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("get %s: %v, want ErrNotFound", path, err)
	}
}

func TestRecordsSurviveAnOrderlyClose(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	put(t, s, "a", "one", 0)
	put(t, s, "b", "two", 0)
	put(t, s, "a", "three", 1)
	if err := s.Commit(t.Context(), store.Batch{Deletes: []store.ID{id("b"), id("never")}}); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	if _, err := s.Get(id("a")); !errors.Is(err, store.ErrClosed) {
		t.Fatalf("get after close: %v", err)
	}

	s = p.open(t)
	wantRecord(t, s, "a", "three", 2)
	wantMissing(t, s, "b")
	st := s.Stats()
	if st.Seq != 4 || st.Records != 1 || st.Generation != 1 || st.Rebuilt {
		t.Fatalf("stats %+v", st)
	}
	put(t, s, "b", "again", 0)
	closeStore(t, s)
	s = p.open(t)
	r, err := s.Get(id("b"))
	if err != nil || string(r.Body) != "again" {
		t.Fatalf("%v %v", r, err)
	}
}

func TestOpenShowsEveryRecordOnce(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	want := map[string]string{}
	for i := range 500 {
		path, body := fmt.Sprint("path ", i), fmt.Sprint("body ", i)
		put(t, s, path, body, 0)
		want[path] = body
	}
	closeStore(t, s)
	o := p.options()
	o.Visit = func(r store.Record) error {
		if want[r.Path] != string(r.Body) || r.Version != 1 {
			t.Errorf("visit %s: %q version %d", r.Path, r.Body, r.Version)
		}
		delete(want, r.Path)
		return nil
	}
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(want) != 0 {
		t.Fatalf("%d records were not shown", len(want))
	}
}

func TestExpectedVersions(t *testing.T) {
	s := newPlace(t).create(t)
	put(t, s, "a", "1", 0)
	for _, c := range []struct {
		name  string
		batch store.Batch
	}{
		{"create what exists", store.Batch{Puts: []store.Put{{ID: id("a"), Body: []byte("x")}}}},
		{"old version", store.Batch{Puts: []store.Put{{ID: id("b")}, {ID: id("a"), Expect: 2}}}},
		{"missing record", store.Batch{Puts: []store.Put{{ID: id("b"), Expect: 1}}}},
		{"twice the same", store.Batch{Puts: []store.Put{{ID: id("b")}, {ID: id("b")}}}},
	} {
		if err := s.Commit(t.Context(), c.batch); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%s: %v, want ErrConflict", c.name, err)
		}
	}
	wantRecord(t, s, "a", "1", 1)
	wantMissing(t, s, "b")
	if seq := s.Stats().Seq; seq != 1 {
		t.Errorf("refused batches moved the sequence number to %d", seq)
	}
}

func TestLimits(t *testing.T) {
	s := newPlace(t).create(t)
	for _, c := range []struct {
		name string
		put  store.Put
		want error
	}{
		{"body", store.Put{ID: id("a"), Body: make([]byte, store.MaxBody+1)}, store.ErrTooLarge},
		{"path", store.Put{ID: id(string(make([]byte, store.MaxPath+1)))}, store.ErrTooLarge},
		{"kind", store.Put{ID: store.ID{Kind: 201, Path: "a"}}, nil},
		{"no path", store.Put{ID: store.ID{Kind: 1}}, nil},
	} {
		err := s.Commit(t.Context(), store.Batch{Puts: []store.Put{c.put}})
		if err == nil || (c.want != nil && !errors.Is(err, c.want)) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	big := bytes.Repeat([]byte("x"), store.MaxBody)
	var b store.Batch
	for i := range 60 {
		b.Puts = append(b.Puts, store.Put{ID: id(fmt.Sprint(i)), Body: big})
	}
	if err := s.Commit(t.Context(), b); err != nil {
		t.Fatalf("a batch of %d MiB: %v", 60*store.MaxBody>>20, err)
	}
	if r, err := s.Get(id("59")); err != nil || !bytes.Equal(r.Body, big) {
		t.Fatalf("get large: %v", err)
	}
	for i := range 10 {
		b.Puts = append(b.Puts, store.Put{ID: id(fmt.Sprint(100 + i)), Body: big})
	}
	if err := s.Commit(t.Context(), b); !errors.Is(err, store.ErrTooLarge) {
		t.Fatalf("oversized batch: %v", err)
	}
}

func TestHighWaterNeverFalls(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	if !s.HighWater().IsZero() {
		t.Fatalf("fresh store: %v", s.HighWater())
	}
	late := time.Unix(2_000_000_000, 7)
	for _, at := range []time.Time{late, time.Unix(1_000_000_000, 0)} {
		if err := s.Commit(context.Background(), store.Batch{NoteTime: at}); err != nil {
			t.Fatal(err)
		}
	}
	closeStore(t, s)
	if got := p.open(t).HighWater(); !got.Equal(late) {
		t.Fatalf("high water %v, want %v", got, late)
	}
}
