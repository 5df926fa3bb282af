package vault

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What moves finds room where new ciphertexts find none.
func TestRegistrationsOfANamespaceAreBounded(t *testing.T) {
	tr := newTracker()
	tr.owner = &owner{name: "alice"}
	tr.owner.tracked.Store(MaxTracked)
	if _, _, err := tr.take(token{1}, 1, testTime, false); err == nil || err.(*Error).Code != CodeQuotaExceeded {
		t.Errorf("one more: %v", err)
	}
	n, _, err := tr.take(token{2}, 1, testTime, true)
	if err != nil {
		t.Fatal(err)
	}
	tr.give(n, 0)
	if got := tr.owner.tracked.Load(); got != MaxTracked {
		t.Errorf("%d are counted", got)
	}
	tr.owner.tracked.Add(-1)
	if _, _, err := tr.take(token{3}, 1, testTime, false); err != nil {
		t.Error(err)
	}
}

// A commit that failed leaves its place free, here and after a restart.
func TestPlacesWithoutRecordsAreFree(t *testing.T) {
	tr := newTracker()
	tr.owner = &owner{name: "alice"}
	if err := tr.load(map[uint32]place{2: {token: token{1}, version: 1, since: 1, stored: 1}, 4: {stored: 3}}, 1); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]uint32{0, 1, 3, 4}, tr.free); diff != "" {
		t.Error(diff)
	}
	n, p, err := tr.take(token{5}, 1, testTime, false)
	if err != nil || n != 4 || p.stored != 3 {
		t.Errorf("place %d, %+v, %v", n, p, err)
	}
	if _, _, found := tr.find(token{5}); found {
		t.Error("what is not stored yet is found")
	}
	r := registration{tracker: tr, n: n, place: p}
	r.end(false)
	if _, still := tr.at[token{5}]; still || tr.need[1] != 1 || tr.places[4].stored != 3 {
		t.Errorf("after a failed commit: %+v", tr.places)
	}
}
