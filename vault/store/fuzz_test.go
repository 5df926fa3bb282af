package store

import (
	"bufio"
	"bytes"
	"testing"
	"time"

	"github.com/vaultd/vaultd/internal/secret"
)

func testKey(b byte) *secret.Bytes { return secret.From(bytes.Repeat([]byte{b}, keySize)) }

func testRoot(t testing.TB) *rootKeys {
	t.Helper()
	root, err := deriveKeys(make([]byte, keySize), [16]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func testKeyring() *keyring {
	return &keyring{
		generation: 3, term: 3, flags: flagAnchored, keys: newGenerationKeys(),
		baseSeq: 9, baseHead: chain{1}, created: time.Unix(1, 2),
	}
}

func samplePayload() payload {
	s := newSealer(newGenerationKeys(), 1, [16]byte{1})
	return payload{frameCommit, state{seq: 1, live: 1}, []op{
		{name{1}, s.seal(nil, name{1}, statusLive, 1, 1, ID{1, "path"}, []byte("body"))},
		{name{2}, s.seal(nil, name{2}, statusDeleted, 2, 1, ID{1, "gone"}, nil)},
	}}
}

func FuzzPayload(f *testing.F) {
	f.Add(samplePayload().append(nil))
	f.Add(payload{kind: frameSnapshotEnd}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parsePayload(b)
		if err != nil {
			return
		}
		if again := p.append(nil); !bytes.Equal(again, b) || p.size() != len(b) {
			t.Fatalf("%x reads and writes as %x", b, again)
		}
	})
}

// FuzzJournal lets a journal file be anything behind a good beginning.
func FuzzJournal(f *testing.F) {
	header := journalHeader(1, [16]byte{1})
	aead := newAEAD(testKey(7))
	head := chainStart(header)
	one := appendFrame(nil, aead, head, 0, payload{kind: frameSnapshotEnd})
	two := appendFrame(nil, aead, head.next(one), 1, samplePayload())
	f.Add([]byte{}, uint16(0))
	f.Add(two, uint16(0))
	f.Add(append(bytes.Clone(two), make([]byte, 100)...), uint16(0))
	f.Add(two, uint16(40))
	f.Fuzz(func(t *testing.T, tail []byte, cut uint16) {
		whole := append(append(bytes.Clone(header), one...), tail...)
		whole = whole[:len(whole)-min(int(cut), len(whole))]
		frames := uint64(0)
		s, err := walker{frame: func(before chain, at int64, frame []byte) error {
			if _, err := openFrame(aead, before, bytes.Clone(frame)); err == nil {
				frames++
			}
			return nil
		}}.read(bufio.NewReader(bytes.NewReader(whole)), "j", int64(len(whole)))
		if err != nil {
			return
		}
		if s.end > int64(len(whole)) || s.size != int64(len(whole)) || s.junk >= s.size {
			t.Fatalf("%+v of a file of %d bytes", s, len(whole))
		}
		if s.junk < 0 && !allZero(whole[s.end:]) {
			t.Fatal("bytes behind the end went unnoticed")
		}
		if cut == 0 && frames < 1 {
			t.Fatal("a good frame was lost")
		}
		if _, err := findFrame(bufio.NewReader(bytes.NewReader(whole[s.end:])), s.end, s.frames); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzKeyring(f *testing.F) {
	root := testRoot(f)
	good := testKeyring().encode(root, [16]byte{1})
	f.Add(good)
	f.Add(good[:100])
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := decodeKeyring(b, root, [16]byte{1})
		if err == nil && k.generation != 3 && !bytes.Equal(b, good) {
			t.Fatal("a keyring that nobody wrote was accepted")
		}
	})
}

func FuzzAttestation(f *testing.F) {
	a := attestation{state: state{seq: 3}, head: chain{1}, length: 99, frames: 4, files: []fileSum{{name: "MANIFEST", size: 3}}}
	key := testKey(1)
	b := a.encode(key, [16]byte{1}, 7)
	f.Add(b, false)
	f.Add(b[cleanSealed:], true)
	f.Fuzz(func(t *testing.T, b []byte, inner bool) {
		if inner {
			if a, err := parseAttestation(b); err == nil && len(a.files) > len(b) {
				t.Fatal("more files than bytes")
			}
			return
		}
		decodeClean(b, key, [16]byte{1}, 7) //nolint:errcheck // must only not panic
	})
}

func FuzzAnchor(f *testing.F) {
	key := testKey(2)
	slot := (&anchorMark{number: 1, seq: 5}).encode(key, [16]byte{1})
	f.Add(slot)
	f.Add(append(make([]byte, anchorStep), slot...))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseAnchor(b, key, [16]byte{1})
		if err == nil && m.seq != 5 {
			t.Fatal("an anchor that nobody wrote was accepted")
		}
	})
}

func FuzzRecord(f *testing.F) {
	s := newSealer(&generationKeys{testKey(1), testKey(2), testKey(3)}, 1, [16]byte{1})
	n := name{5}
	good := s.seal(nil, n, statusLive, 4, 9, ID{2, "path"}, []byte("body"))
	f.Add(good)
	f.Add(good[:minSealed])
	f.Fuzz(func(t *testing.T, b []byte) {
		r, e, err := s.open(nil, n, b)
		if err != nil {
			return
		}
		if r.Path != "path" || string(r.Body) != "body" || e.version != 4 || e.seq != 9 {
			t.Fatal("a record that nobody wrote was accepted")
		}
	})
}

// TestEveryBitOfASealedRecordCounts flips each bit once.
func TestEveryBitOfASealedRecordCounts(t *testing.T) {
	s := newSealer(newGenerationKeys(), 1, [16]byte{1})
	n := name{5}
	good := s.seal(nil, n, statusLive, 4, 9, ID{2, "path"}, []byte("body"))
	if r, e, err := s.open(nil, n, good); err != nil || r.Version != 4 || e.seq != 9 || r.ID != (ID{2, "path"}) {
		t.Fatalf("%v %v %v", r, e, err)
	}
	for i := range len(good) * 8 {
		b := bytes.Clone(good)
		b[i/8] ^= 1 << (i % 8)
		if _, _, err := s.open(nil, n, b); err == nil {
			t.Fatalf("bit %d does not count", i)
		}
	}
	if _, _, err := s.open(nil, name{6}, good); err == nil {
		t.Fatal("a record opens under another name")
	}
	other := newSealer(newGenerationKeys(), 1, [16]byte{1})
	if _, _, err := other.open(nil, n, good); err == nil {
		t.Fatal("a record opens under another key")
	}
}

// TestEveryBitOfTheKeyringCounts flips each bit once.
func TestEveryBitOfTheKeyringCounts(t *testing.T) {
	root := testRoot(t)
	k := testKeyring()
	good := k.encode(root, [16]byte{1})
	got, err := decodeKeyring(good, root, [16]byte{1})
	if err != nil || got.generation != 3 || got.flags != flagAnchored || got.baseSeq != 9 || got.baseHead != k.baseHead ||
		!got.created.Equal(k.created) || !bytes.Equal(got.keys.record.Bytes(), k.keys.record.Bytes()) ||
		!bytes.Equal(got.keys.badger.Bytes(), k.keys.badger.Bytes()) || !bytes.Equal(got.keys.journal.Bytes(), k.keys.journal.Bytes()) {
		t.Fatalf("%+v %v", got, err)
	}
	for i := range len(good) * 8 {
		b := bytes.Clone(good)
		b[i/8] ^= 1 << (i % 8)
		if checkKeyring(b) == nil {
			t.Fatalf("bit %d does not count", i)
		}
	}
}

// TestDigestIsASet checks that order does not matter and that a difference
// does.
func TestDigestIsASet(t *testing.T) {
	h := newLeafHasher(testKey(1))
	leaves := []digest{}
	for i := range 50 {
		leaves = append(leaves, h.leaf(name{byte(i)}, entry{version: uint64(i), status: statusLive}))
	}
	var forward, backward digest
	for i := range leaves {
		forward.add(leaves[i])
		backward.add(leaves[len(leaves)-1-i])
	}
	if forward != backward {
		t.Fatal("order matters")
	}
	if parseDigest(forward.append(nil)) != forward {
		t.Fatal("does not read back")
	}
	changed := forward
	changed.sub(leaves[3])
	changed.add(h.leaf(name{3}, entry{version: 4, status: statusLive}))
	if changed == forward {
		t.Fatal("another version has the same digest")
	}
	for _, l := range leaves {
		forward.sub(l)
	}
	if forward != (digest{}) {
		t.Fatal("the empty set has a digest")
	}
}
