package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vaultd/vaultd/internal/secret"
)

// The anchor is a small file outside the store directory that knows how far
// the store has got. It has two slots, at 0 and 4096, written in turn, so that
// it needs no space and one fsync, and a torn write leaves the other slot:
//
//	 0   8  magic "VDANCH\x00\x01"
//	 8  16  vault id
//	24   8  number of this writing; the higher slot counts
//	32   8  header epoch
//	40  32  header hash
//	72   8  generation
//	80   8  sequence number
//	88   8  number of frames in the journal
//	96  32  chain hash of the journal after them
//	128  8  high-water mark of time, nanoseconds since 1970
//	136 32  HMAC-SHA-256 of bytes 0 to 135 under the anchor key
const (
	anchorMagic = "VDANCH\x00\x01"
	anchorBody  = 136
	anchorSlot  = anchorBody + sha256.Size
	anchorStep  = 4096
	anchorSize  = 2 * anchorStep
)

type anchorMark struct {
	number      uint64
	headerEpoch uint64
	headerHash  [32]byte
	generation  uint64
	seq         uint64
	frames      uint64
	head        chain
	highWater   int64
}

func (m *anchorMark) encode(key *secret.Bytes, vaultID [16]byte) []byte {
	b := append([]byte(anchorMagic), vaultID[:]...)
	b = binary.BigEndian.AppendUint64(b, m.number)
	b = binary.BigEndian.AppendUint64(b, m.headerEpoch)
	b = append(b, m.headerHash[:]...)
	b = binary.BigEndian.AppendUint64(b, m.generation)
	b = binary.BigEndian.AppendUint64(b, m.seq)
	b = binary.BigEndian.AppendUint64(b, m.frames)
	b = append(b, m.head[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(m.highWater))
	mac := hmac.New(sha256.New, key.Bytes())
	mac.Write(b)
	return mac.Sum(b)
}

func decodeAnchor(b []byte, key *secret.Bytes, vaultID [16]byte) (*anchorMark, error) {
	if len(b) < anchorSlot {
		return nil, errors.New("too short")
	}
	mac := hmac.New(sha256.New, key.Bytes())
	mac.Write(b[:anchorBody])
	if !hmac.Equal(mac.Sum(nil), b[anchorBody:anchorSlot]) {
		return nil, errors.New("does not authenticate")
	}
	if string(b[:8]) != anchorMagic || [16]byte(b[8:24]) != vaultID {
		return nil, errors.New("belongs to another vault")
	}
	return &anchorMark{
		number:      binary.BigEndian.Uint64(b[24:]),
		headerEpoch: binary.BigEndian.Uint64(b[32:]),
		headerHash:  [32]byte(b[40:72]),
		generation:  binary.BigEndian.Uint64(b[72:]),
		seq:         binary.BigEndian.Uint64(b[80:]),
		frames:      binary.BigEndian.Uint64(b[88:]),
		head:        chain(b[96:128]),
		highWater:   int64(binary.BigEndian.Uint64(b[128:])),
	}, nil
}

// anchor is the open file. The committer alone writes it.
type anchor struct {
	f    *os.File
	key  *secret.Bytes
	id   [16]byte
	last anchorMark
}

// readAnchor returns nil without an error if there is no anchor file.
func readAnchor(path string, key *secret.Bytes, vaultID [16]byte) (*anchorMark, error) {
	f, info, err := openRegular(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open anchor: %w", err)
	}
	defer f.Close()
	if err := checkOwner(path, info); err != nil {
		return nil, err
	}
	b := make([]byte, anchorSize)
	n, err := io.ReadFull(f, b)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read anchor: %w", err)
	}
	return parseAnchor(b[:n], key, vaultID)
}

// parseAnchor returns the newest slot that authenticates.
func parseAnchor(b []byte, key *secret.Bytes, vaultID [16]byte) (*anchorMark, error) {
	var best *anchorMark
	for at := 0; at+anchorSlot <= len(b); at += anchorStep {
		m, err := decodeAnchor(b[at:], key, vaultID)
		if err == nil && (best == nil || m.number > best.number) {
			best = m
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w: no slot of it authenticates", errAnchorDamaged)
	}
	return best, nil
}

var errAnchorDamaged = errors.New("anchor is damaged")

// openAnchor opens the anchor for writing, creating it at full size so that
// later writes need no space.
func openAnchor(path string, key *secret.Bytes, vaultID [16]byte, last *anchorMark) (*anchor, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|openNoFollow, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open anchor: %w", err)
	}
	a := &anchor{f: f, key: key, id: vaultID}
	if last != nil {
		a.last = *last
	}
	info, err := f.Stat()
	if err == nil && (last == nil || info.Size() != anchorSize) {
		err = a.blank()
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("prepare anchor: %w", err)
	}
	return a, nil
}

// blank fills the file with zeros up to its size. Only slots that hold no mark
// of this vault are overwritten; the caller writes a mark next.
func (a *anchor) blank() error {
	b := make([]byte, anchorSize)
	if _, err := a.f.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	for at := 0; at < anchorSize; at += anchorStep {
		if _, err := decodeAnchor(b[at:], a.key, a.id); err != nil {
			clear(b[at : at+anchorStep])
		}
	}
	if _, err := a.f.WriteAt(b, 0); err != nil {
		return err
	}
	if err := a.f.Truncate(anchorSize); err != nil {
		return err
	}
	return a.f.Sync()
}

// write makes m durable in the slot that is not the newest.
func (a *anchor) write(m anchorMark) error {
	m.number = a.last.number + 1
	if _, err := a.f.WriteAt(m.encode(a.key, a.id), int64(m.number%2)*anchorStep); err != nil {
		return fmt.Errorf("write anchor: %w", err)
	}
	if err := a.f.Sync(); err != nil {
		return fmt.Errorf("sync anchor: %w", err)
	}
	a.last = m
	return nil
}

func (a *anchor) close() error {
	if a == nil {
		return nil
	}
	return a.f.Close()
}
