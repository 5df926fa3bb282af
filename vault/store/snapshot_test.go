package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

// all reads a snapshot to its end.
func all(t testing.TB, p *store.Snapshot) map[string]store.Item {
	t.Helper()
	items := make(map[string]store.Item)
	for {
		item, err := p.Next()
		if errors.Is(err, io.EOF) {
			return items
		}
		if err != nil {
			t.Fatal(err)
		}
		item.Body = append([]byte(nil), item.Body...)
		items[item.Path] = item
	}
}

func snapshot(t testing.TB, s *store.Store) *store.Snapshot {
	t.Helper()
	p, err := s.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// Two records of one commit are both in a snapshot, or both as they were before,
// however many commits and compactions run.
func TestSnapshotIsOfOneCommit(t *testing.T) {
	s := newPlace(t).create(t)
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			left, right := fmt.Sprintf("left%d", w), fmt.Sprintf("right%d", w)
			for n := uint64(0); ctx.Err() == nil; n++ {
				body := fmt.Appendf(nil, "%d-%02000d", n, w)
				b := store.Batch{Puts: []store.Put{{ID: id(left), Body: body, Expect: n}, {ID: id(right), Body: body, Expect: n}}}
				if err := s.Commit(context.Background(), b); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var last uint64
	for range 40 {
		p := snapshot(t, s)
		items := all(t, p)
		for w := range 3 {
			left, right := items[fmt.Sprintf("left%d", w)], items[fmt.Sprintf("right%d", w)]
			if string(left.Body) != string(right.Body) || left.Version != right.Version || left.Seq != right.Seq {
				t.Errorf("versions %d and %d, of commits %d and %d", left.Version, right.Version, left.Seq, right.Seq)
			}
			if left.Seq > p.Seq() {
				t.Errorf("a record of commit %d in a snapshot of %d", left.Seq, p.Seq())
			}
		}
		if p.Seq() < last {
			t.Errorf("commit %d after %d", p.Seq(), last)
		}
		last = p.Seq()
		p.Close()
	}
	stop()
	writers.Wait()
}

func TestSnapshotShowsWhatWasThere(t *testing.T) {
	s := newPlace(t).create(t)
	put(t, s, "a", "one", 0)
	put(t, s, "b", "two", 0)
	p := snapshot(t, s)
	if _, err := s.Snapshot(t.Context()); !errors.Is(err, store.ErrSnapshot) {
		t.Errorf("a second one: %v", err)
	}
	put(t, s, "a", "three", 1)
	put(t, s, "c", "new", 0)
	if err := s.Commit(t.Context(), store.Batch{Deletes: []store.ID{id("b")}}); err != nil {
		t.Fatal(err)
	}
	if r, err := p.Get(id("a")); err != nil || string(r.Body) != "one" {
		t.Errorf("a is %q, %v", r.Body, err)
	}
	if _, err := p.Get(id("c")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("c: %v", err)
	}
	if items := all(t, p); len(items) != 2 || string(items["a"].Body) != "one" || items["b"].Deleted {
		t.Errorf("%+v", items)
	}
	p.Close()
	p.Close()
	p = snapshot(t, s)
	if items := all(t, p); len(items) != 3 || !items["b"].Deleted || items["a"].Version != 2 {
		t.Errorf("%+v", items)
	}
	for i := range 2 {
		if found, err := p.CheckJournal(t.Context(), i); err != nil || len(found) > 0 {
			t.Error(found, err)
		}
	}
	if found, err := p.CheckKeyring(t.Context()); err != nil || len(found) > 0 {
		t.Error(found, err)
	}
	if err := s.Rewrite(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Next(); !errors.Is(err, store.ErrRewritten) {
		t.Errorf("after a rewrite: %v", err)
	}
	p = snapshot(t, s)
	closeStore(t, s)
	if _, err := p.Next(); !errors.Is(err, store.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	if _, err := p.Get(id("a")); !errors.Is(err, store.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}

func TestBuiltStoreOpens(t *testing.T) {
	highWater := time.Unix(1_800_000_000, 0)
	p := newPlace(t)
	b, err := store.Build(p.options(), 7)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for i := range 3000 {
		rec := store.Record{ID: id(fmt.Sprintf("path%d", i)), Version: 3, Body: fmt.Appendf(nil, "body %d", i)}
		if err := b.Put(rec, uint64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Open(p.options()); !errors.Is(err, store.ErrNoStore) {
		t.Errorf("before it is finished: %v", err)
	}
	if err := b.Finish(5000, highWater); err != nil {
		t.Fatal(err)
	}
	if err := b.WriteAnchor(); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if known, err := store.KnownOf(p.options()); err != nil || known.Seq != 5000 || known.Generation != 7 {
		t.Errorf("%+v, %v", known, err)
	}
	seen := 0
	seq, err := store.ReadAll(store.CheckOptions{
		Dir: p.dir(), VaultID: p.options().VaultID, RootKey: p.options().RootKey,
		Visit: func(store.Record) error { seen++; return nil },
	})
	if err != nil || seq != 5000 || seen != 3000 {
		t.Errorf("read %d records of commit %d, %v", seen, seq, err)
	}
	s := p.open(t)
	wantRecord(t, s, "path2999", "body 2999", 3)
	put(t, s, "path1", "new", 3)
	if st := s.Stats(); st.Seq != 5001 || st.Records != 3000 || st.Generation != 7 || !s.HighWater().Equal(highWater) {
		t.Errorf("%+v, %v", st, s.HighWater())
	}
	closeStore(t, s)
	s = p.open(t)
	wantRecord(t, s, "path1", "new", 4)
}
