package store_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

// anchored commits with the anchor durable.
func anchored(t testing.TB, s *store.Store, path, body string, expect uint64) {
	t.Helper()
	b := store.Batch{Puts: []store.Put{{ID: id(path), Body: []byte(body), Expect: expect}}, Anchor: true}
	if err := s.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func wantRolledBack(t *testing.T, o store.Options) {
	t.Helper()
	s, err := store.Open(o)
	if err == nil {
		s.Close()
	}
	if !errors.Is(err, store.ErrRolledBack) {
		t.Fatalf("open: %v, want ErrRolledBack", err)
	}
}

func TestOlderCopyOfTheDirectoryIsNoticed(t *testing.T) {
	for _, c := range []struct {
		name  string
		after func(t *testing.T, s *store.Store) // what happened since the copy was made
	}{
		{"commit", func(t *testing.T, s *store.Store) { anchored(t, s, "a", "revoked", 1) }},
		{"rewrite", func(t *testing.T, s *store.Store) {
			if err := s.Rewrite(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
		{"header", func(t *testing.T, s *store.Store) {
			if err := s.SetHeader([32]byte{2}, 1); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t)
			s := p.create(t)
			put(t, s, "a", "good", 0)
			closeStore(t, s)
			old := newPlace(t)
			copyTree(t, p.dir(), old.dir())
			s = p.open(t)
			c.after(t, s)
			crashed := newPlace(t)
			copyTree(t, p.root, crashed.root)
			closeStore(t, s)
			for _, later := range []place{p, crashed} {
				copyTree(t, old.dir(), later.dir())
				wantRolledBack(t, later.options())
				wantRolledBack(t, later.options()) // a refusal changes nothing

				o := later.options()
				o.AcceptRollback = true
				s, err := store.Open(o)
				if err != nil {
					t.Fatalf("accept: %v", err)
				}
				wantRecord(t, s, "a", "good", 1)
				closeStore(t, s)
				closeStore(t, later.open(t)) // accepted once, the anchor is reset
			}
		})
	}
}

func TestForkOfTheSameLengthIsNoticed(t *testing.T) {
	p := newPlace(t)
	closeStore(t, p.create(t))
	fork := newPlace(t)
	copyTree(t, p.root, fork.root)
	for _, q := range []place{p, fork} {
		s := q.open(t)
		for i := range uint64(3) {
			anchored(t, s, "a", q.root, i)
		}
		closeStore(t, s)
	}
	copyTree(t, fork.dir(), p.dir())
	wantRolledBack(t, p.options())
}

func TestMissingAnchor(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	put(t, s, "a", "b", 0)
	closeStore(t, s)
	if err := os.Remove(p.anchor()); err != nil {
		t.Fatal(err)
	}
	wantRolledBack(t, p.options())
	o := p.options()
	o.AnchorPath = ""
	s, err := store.Open(o)
	if err != nil {
		t.Fatalf("without an anchor configured: %v", err)
	}
	closeStore(t, s)
	o = p.options()
	o.AcceptRollback = true
	if s, err = store.Open(o); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	closeStore(t, p.open(t))
}

func TestAnchorIsEnrolledLater(t *testing.T) {
	p := newPlace(t)
	o := p.options()
	o.AnchorPath = ""
	s, err := store.Create(o)
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	closeStore(t, p.open(t))
	if err := os.Remove(p.anchor()); err != nil {
		t.Fatal(err)
	}
	wantRolledBack(t, p.options())
}

func TestAnchorOfAnotherVault(t *testing.T) {
	p, q := newPlace(t), newPlace(t)
	closeStore(t, p.create(t))
	o := q.options()
	o.VaultID = [16]byte{9}
	s, err := store.Create(o)
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	if err := os.WriteFile(p.anchor(), readFile(t, q.anchor()), 0o600); err != nil {
		t.Fatal(err)
	}
	wantRolledBack(t, p.options())
}

func TestTornAnchorWriteLeavesTheOtherSlot(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	anchored(t, s, "a", "1", 0)
	anchored(t, s, "a", "2", 1)
	closeStore(t, s)
	whole := readFile(t, p.anchor())
	for _, at := range []int{0, 4096} {
		torn := append([]byte(nil), whole...)
		clear(torn[at+40 : at+120])
		if err := os.WriteFile(p.anchor(), torn, 0o600); err != nil {
			t.Fatal(err)
		}
		s := p.open(t)
		wantRecord(t, s, "a", "2", 2)
		closeStore(t, s)
	}
}

func TestAnchorFollowsByItself(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	before := readFile(t, p.anchor())
	put(t, s, "a", "1", 0)
	for deadline := time.Now().Add(time.Minute); string(readFile(t, p.anchor())) == string(before); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the anchor was not written")
		}
	}
}

func TestHeaderOfTheSameEpochMustBeTheSame(t *testing.T) {
	p := newPlace(t)
	s := p.create(t)
	if err := s.SetHeader([32]byte{1}, 7); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	o := p.options()
	o.HeaderHash, o.HeaderEpoch = [32]byte{1}, 6
	wantRolledBack(t, o)
	o.HeaderHash, o.HeaderEpoch = [32]byte{2}, 7
	wantRolledBack(t, o)
	o.HeaderHash, o.HeaderEpoch = [32]byte{3}, 8 // replaced, then a crash before SetHeader
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	o.HeaderHash, o.HeaderEpoch = [32]byte{1}, 7
	wantRolledBack(t, o)
}
