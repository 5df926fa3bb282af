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

// Of several ciphertexts, those that there is room for are registered.
func TestEncryptEachUsesTheRoomThatIsLeft(t *testing.T) {
	v, err := New(Options{Dir: t.TempDir(), MinFree: 1 << 20, Ballast: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	ctx := t.Context()
	if _, err := v.Init(ctx, []byte("correct horse battery staple"), 600_000); err != nil {
		t.Fatal(err)
	}
	name := Name{"alice", "k"}
	if _, err := v.CreateKey(ctx, CreateKey{Name: name, Tracked: true}); err != nil {
		t.Fatal(err)
	}
	messages := []Encrypt{{Key: name}, {Key: name}, {Key: name}, {Key: name}}
	before := v.Status().Sequence
	for i, e := range v.EncryptEach(name, messages, nil) {
		if e.Err != nil {
			t.Errorf("message %d: %v", i, e.Err)
		}
	}
	if after := v.Status().Sequence; after != before+1 {
		t.Errorf("%d commits", after-before)
	}
	v.opened.ring.existing("alice").tracked.Store(MaxTracked - 2)
	var got []bool
	for _, e := range v.EncryptEach(name, messages, nil) {
		got = append(got, e.Err == nil)
	}
	if diff := cmp.Diff([]bool{true, true, false, false}, got); diff != "" {
		t.Error(diff)
	}
	needs, err := v.KeyCensus(name)
	if err != nil || needs[0].N != 6 {
		t.Errorf("census %v, %v", needs, err)
	}
}
