package store_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/vaultd/vaultd/vault/store"
)

// A file of a newer format is refused as such and left alone; with a checksum that
// is wrong it is damaged.
func TestNewerFormatIsRefused(t *testing.T) {
	sum := func(b []byte) {
		s := sha256.Sum256(b[:len(b)-sha256.Size])
		copy(b[len(b)-sha256.Size:], s[:])
	}
	crc := func(b []byte) {
		binary.BigEndian.PutUint32(b[60:], crc32.Checksum(b[:60], crc32.MakeTable(crc32.Castagnoli)))
	}
	for file, mend := range map[string]func([]byte){
		"keyring": sum, "keyring.backup": sum, "clean": sum, "journal-1.a": crc, "journal-1.b": crc,
		"anchor": func(b []byte) { copy(b, "VDANCH\x00\x02"); copy(b[4096:], "VDANCH\x00\x02") },
	} {
		t.Run(file, func(t *testing.T) {
			p := newPlace(t)
			closeStore(t, p.create(t))
			o := p.options()
			path := filepath.Join(o.Dir, file)
			if file == "anchor" {
				path = o.AnchorPath
			}
			damaged, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			damaged[7]++
			whole := bytes.Clone(damaged)
			mend(whole)

			if err := os.WriteFile(path, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			var newer *store.ErrNewer
			if _, err := store.Open(o); !errors.As(err, &newer) || newer.Format != 2 || newer.Known != 1 || newer.File != file {
				t.Errorf("Open says %v", err)
			}
			c := store.CheckOptions{
				Dir: o.Dir, AnchorPath: o.AnchorPath, VaultID: o.VaultID, RootKey: o.RootKey,
				HeaderHash: o.HeaderHash, HeaderEpoch: o.HeaderEpoch, Repair: true,
			}
			if _, err := store.Check(c); !errors.As(err, &newer) {
				t.Errorf("Check says %v", err)
			}
			if now, _ := os.ReadFile(path); !bytes.Equal(now, whole) {
				t.Error("it was written to")
			}

			if file == "anchor" {
				return // has no checksum without a key
			}
			if err := os.WriteFile(path, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			var damage *store.ErrCorrupt
			if _, err := store.Open(o); !errors.As(err, &damage) {
				t.Errorf("of a damaged one Open says %v", err)
			}
		})
	}
}
