package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestWriteErrorStopsTheStore takes the journal's file away under the store,
// as a disk that answers every write with an error.
func TestWriteErrorStopsTheStore(t *testing.T) {
	dir := t.TempDir()
	failed := make(chan error, 2)
	o := Options{
		Dir: filepath.Join(dir, "store"), AnchorPath: filepath.Join(dir, "anchor"), RootKey: make([]byte, 32),
		MinFree: 16 << 20, Ballast: 1 << 20, OnFail: func(err error) { failed <- err },
	}
	s, err := Create(o)
	if err != nil {
		t.Fatal(err)
	}
	put := func(path string) error {
		return s.Commit(context.Background(), Batch{Puts: []Put{{ID: ID{1, path}, Body: []byte(path)}}})
	}
	if err := put("a"); err != nil {
		t.Fatal(err)
	}
	whole := s.journal.files[1]
	if s.journal.files[1], err = os.Open(whole.Name()); err != nil { // for reading only
		t.Fatal(err)
	}
	whole.Close()
	if err := put("b"); !errors.Is(err, ErrFailed) {
		t.Fatalf("commit with a failing disk: %v", err)
	}
	if err := put("c"); !errors.Is(err, ErrFailed) {
		t.Fatalf("commit after a failure: %v", err)
	}
	if err := s.Rewrite(context.Background()); !errors.Is(err, ErrFailed) {
		t.Fatalf("rewrite after a failure: %v", err)
	}
	if err := <-failed; !errors.Is(err, ErrFailed) {
		t.Fatalf("OnFail was told %v", err)
	}
	if st := s.Stats(); st.State != StateFailed {
		t.Fatalf("state %v", st.State)
	}
	if r, err := s.Get(ID{1, "a"}); err != nil || string(r.Body) != "a" {
		t.Fatalf("read after a failure: %v", err)
	}
	if err := s.Close(); !errors.Is(err, ErrFailed) {
		t.Fatalf("close: %v", err)
	}
	if len(failed) != 0 {
		t.Fatal("OnFail was called twice")
	}

	// The first copy may have the frame of b, the second has not.
	if s, err = Open(o); err != nil {
		t.Fatalf("open after a failure: %v", err)
	}
	defer s.Close()
	if _, err := s.Get(ID{1, "a"}); err != nil {
		t.Fatalf("acknowledged record: %v", err)
	}
	if r, err := s.Get(ID{1, "b"}); err == nil && string(r.Body) != "b" || err != nil && !errors.Is(err, ErrNotFound) {
		t.Fatalf("unacknowledged record: %q %v", r.Body, err)
	}
	if _, err := s.Get(ID{1, "c"}); !errors.Is(err, ErrNotFound) {
		t.Fatalf("refused record: %v", err)
	}
	if err := put("c"); err != nil {
		t.Fatal(err)
	}
}

// TestBadgerIsNotBelieved changes Badger behind the store's back: an older
// version, another record's bytes, nothing at all.
func TestBadgerIsNotBelieved(t *testing.T) {
	s, err := Create(Options{
		Dir: filepath.Join(t.TempDir(), "store"), RootKey: make([]byte, 32), MinFree: 16 << 20, Ballast: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a, b := ID{1, "a"}, ID{1, "b"}
	commit := func(id ID, expect uint64) []byte {
		t.Helper()
		err := s.Commit(context.Background(), Batch{Puts: []Put{{ID: id, Body: []byte(id.Path), Expect: expect}}})
		if err != nil {
			t.Fatal(err)
		}
		var sealed []byte
		if err := s.engine.view(blind(s.root.names, id), func(b []byte) error {
			sealed = append(sealed, b...)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	old := commit(a, 0)
	current := commit(a, 1)
	other := commit(b, 0)
	for what, sealed := range map[string][]byte{"older version": old, "another record": other, "noise": make([]byte, 100)} {
		if err := s.engine.apply([]op{{blind(s.root.names, a), sealed}}); err != nil {
			t.Fatal(err)
		}
		var damage *ErrCorrupt
		if r, err := s.Get(a); !errors.As(err, &damage) {
			t.Errorf("%s: %q %v", what, r.Body, err)
		}
	}
	if err := s.engine.apply([]op{{blind(s.root.names, a), current}}); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Get(a); err != nil || r.Version != 2 {
		t.Fatalf("%v %v", r, err)
	}
}

// TestBadgerThatHangsDoesNotHangTheStore takes Badger's directory away: it
// then tries to write its memory to disk for ever.
func TestBadgerThatHangsDoesNotHangTheStore(t *testing.T) {
	o := Options{Dir: filepath.Join(t.TempDir(), "store"), RootKey: make([]byte, 32), MinFree: 16 << 20, Ballast: 1 << 20}
	s, err := Create(o)
	if err != nil {
		t.Fatal(err)
	}
	db, away := filepath.Join(o.Dir, "db-1"), filepath.Join(o.Dir, "away")
	if err := os.Rename(db, away); err != nil {
		t.Fatal(err)
	}
	var acked []string
	body := make([]byte, 200<<10)
	for i := 0; ; i++ {
		path := strconv.Itoa(i)
		err := s.Commit(context.Background(), Batch{Puts: []Put{{ID: ID{1, path}, Body: body}}})
		if err == nil && i < 200 {
			acked = append(acked, path)
			continue
		}
		if !errors.Is(err, ErrFailed) {
			t.Fatalf("commit %d: %v", i, err)
		}
		break
	}
	for _, path := range acked {
		if r, err := s.Get(ID{1, path}); err == nil && len(r.Body) != len(body) || err != nil && !errors.Is(err, ErrFailed) {
			t.Fatalf("read after the failure: %d bytes, %v", len(r.Body), err)
		}
	}
	if err := s.Close(); !errors.Is(err, ErrFailed) {
		t.Fatalf("close: %v", err)
	}
	if err := os.RemoveAll(db); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(away, db); err != nil {
		t.Fatal(err)
	}
	for { // until Badger has come to its end
		s, err = Open(o)
		if err == nil {
			break
		}
		if !errors.Is(err, ErrFailed) {
			t.Fatalf("open: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	defer s.Close()
	for _, path := range acked {
		if _, err := s.Get(ID{1, path}); err != nil {
			t.Fatalf("acknowledged record: %v", err)
		}
	}
}
