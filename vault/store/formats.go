package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// ErrNewer says that a file has a format that a newer program wrote. Nothing has
// been changed.
type ErrNewer struct {
	File          string // name within the store directory, or "anchor"
	Format, Known int
}

func (e *ErrNewer) Error() string {
	return fmt.Sprintf("%s has format %d, and this program knows up to %d", e.File, e.Format, e.Known)
}

// A file's magic ends in its format. Magic and format keep their places in every
// future format, and so does the checksum that is looked at here: SHA-256 of all
// before it at the end of keyring and attestation, CRC-32C behind 60 bytes of a
// journal. So a newer format is told from damage without a key.
func newerFormat(b []byte, magic string) bool {
	last := len(magic) - 1
	return len(b) > last && string(b[:last]) == magic[:last] && b[last] > magic[last]
}

func sumAtEnd(b []byte) bool {
	end := len(b) - sha256.Size
	return end > 0 && sha256.Sum256(b[:end]) == [sha256.Size]byte(b[end:])
}

func sumOfJournal(b []byte) bool {
	return len(b) >= journalHeaderSize && crc32.Checksum(b[:60], castagnoli) == binary.BigEndian.Uint32(b[60:])
}

// refuseNewer looks at every file that has a format, before any is taken for
// damaged, repaired or written to.
func refuseNewer(dir, anchorPath string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		name := e.Name()
		magic, limit, whole := "", int64(maxClean), sumAtEnd
		_, ofGeneration := generationOf(name)
		switch {
		case name == fileKeyring, name == fileKeyringBackup:
			magic = keyringMagic
		case name == fileClean:
			magic = cleanMagic
		case ofGeneration && e.Type().IsRegular() && strings.HasPrefix(name, "journal-"):
			magic, limit, whole = journalMagic, journalHeaderSize, sumOfJournal
		default:
			continue
		}
		b, err := readStart(filepath.Join(dir, name), limit)
		if err != nil {
			return err
		}
		if newerFormat(b, magic) && whole(b) {
			return newer(name, b, magic)
		}
	}
	if anchorPath == "" {
		return nil
	}
	return refuseNewerAnchor(anchorPath)
}

// refuseNewerAnchor: an anchor has no checksum without a key, so that one whose
// other slot is of a format that is known is left to the key.
func refuseNewerAnchor(path string) error {
	if there, err := exists(filepath.Dir(path), filepath.Base(path)); err != nil || !there {
		return err
	}
	b, err := readStart(path, anchorSize)
	if err != nil {
		return err
	}
	var found []byte
	for at := 0; at+len(anchorMagic) <= len(b); at += anchorStep {
		slot := b[at : at+len(anchorMagic)]
		if string(slot) == anchorMagic {
			return nil
		}
		if newerFormat(slot, anchorMagic) {
			found = slot
		}
	}
	if found != nil {
		return newer("anchor", found, anchorMagic)
	}
	return nil
}

func newer(file string, b []byte, magic string) error {
	last := len(magic) - 1
	return &ErrNewer{File: file, Format: int(b[last]), Known: int(magic[last])}
}

// readStart is at most limit bytes of a regular file.
func readStart(path string, limit int64) ([]byte, error) {
	f, _, err := openRegular(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}
