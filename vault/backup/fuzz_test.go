package backup

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// FuzzBackup reads hostile bytes as a header, and as what the frames hold: both
// parsers end, within bounds, and what they read they would write.
func FuzzBackup(f *testing.F) {
	h := Header{VaultID: [16]byte{1}, Created: time.UnixMicro(1), Seq: 7, Content: Changes, BaseSeq: 3, BaseHash: Hash{4}, Vault: []byte("slots")}
	f.Add(h.Append(nil))
	live := Entry{Kind: Live, Name: Name{1}, Version: 1, Seq: 5, Record: 1, Path: "path", Body: []byte("body")}
	gone, kept := Entry{Kind: Deleted, Name: Name{2}}, Entry{Kind: Kept, Name: Name{3}}
	sum := summary{live: 1, deleted: 1, kept: 1, total: 2}
	f.Add(sum.append(kept.append(gone.append(live.append(nil)))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, n, err := ReadHeader(bytes.NewReader(b)); err == nil && !bytes.Equal(h.Append(nil), b[:n]) {
			t.Error("a header has two encodings")
		}
		d, again := entryReader{r: bytes.NewReader(b)}, []byte(nil)
		for {
			e, end, err := d.next()
			if err != nil {
				if !errors.Is(err, ErrDamaged) {
					t.Error(err)
				}
				return
			}
			if end != nil {
				again = end.append(again)
				break
			}
			again = e.append(again)
		}
		if !bytes.HasPrefix(b, again) {
			t.Error("an entry has two encodings")
		}
	})
}
