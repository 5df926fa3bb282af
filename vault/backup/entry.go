package backup

import (
	"encoding/binary"
	"errors"
	"io"
)

// Bounds of records, those of the store.
const (
	maxPath = 512
	maxBody = 256 << 10
)

// EntryKind says what an entry is.
type EntryKind uint8

// The kinds.
const (
	Live    EntryKind = 1 // a record
	Deleted EntryKind = 2 // a record that is gone
	Kept    EntryKind = 3 // a record that is as it was in the base
	end     EntryKind = 4
)

// Name is what a record is sorted by: its blinded name in the store.
type Name [16]byte

// Entry is one record. Only a live one has what follows its name.
type Entry struct {
	Kind    EntryKind
	Name    Name
	Version uint64
	Seq     uint64 // of the commit that wrote it
	Record  uint8  // the record's kind
	Path    string
	Body    []byte // overwritten by the next one
}

func (e *Entry) append(b []byte) []byte {
	b = append(b, byte(e.Kind))
	b = append(b, e.Name[:]...)
	if e.Kind != Live {
		return b
	}
	b = binary.BigEndian.AppendUint64(b, e.Version)
	b = binary.BigEndian.AppendUint64(b, e.Seq)
	b = append(b, e.Record)
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.Path)))
	b = append(b, e.Path...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(e.Body)))
	return append(b, e.Body...)
}

// summary is the last entry: how many there were in the file, and what the vault
// held in all.
type summary struct {
	live, deleted, kept uint64
	total               uint64 // live records of the vault
	contents            Hash   // SHA-256 over all of them, as entries, in their order
	highWater           uint64 // nanoseconds since 1970, 0 for none
}

const summarySize = 4*8 + 32 + 8

func (s *summary) append(b []byte) []byte {
	b = append(b, byte(end))
	for _, n := range []uint64{s.live, s.deleted, s.kept, s.total} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	b = append(b, s.contents[:]...)
	return binary.BigEndian.AppendUint64(b, s.highWater)
}

// entryReader takes a stream of entries apart. It never allocates more than one
// record may have.
type entryReader struct {
	r    io.Reader
	head [8 + 8 + 1 + 2]byte
	buf  []byte
}

func (d *entryReader) read(b []byte) error {
	_, err := io.ReadFull(d.r, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged("it ends within a record")
	}
	return err
}

// next reads one entry; of the last one it returns the summary instead.
func (d *entryReader) next() (e Entry, last *summary, err error) {
	if err := d.read(d.head[:1]); err != nil {
		return e, nil, err
	}
	e.Kind = EntryKind(d.head[0])
	switch e.Kind {
	case end:
		last, err = d.summary()
		return e, last, err
	case Live, Deleted, Kept:
	default:
		return e, nil, damaged("an entry of kind %d", e.Kind)
	}
	if err := d.read(e.Name[:]); err != nil || e.Kind != Live {
		return e, nil, err
	}
	if err := d.read(d.head[:]); err != nil {
		return e, nil, err
	}
	e.Version, e.Seq = binary.BigEndian.Uint64(d.head[:]), binary.BigEndian.Uint64(d.head[8:])
	e.Record = d.head[16]
	path, err := d.part(int(binary.BigEndian.Uint16(d.head[17:])), 1, maxPath)
	if err != nil {
		return e, nil, err
	}
	e.Path = string(path)
	if err := d.read(d.head[:4]); err != nil {
		return e, nil, err
	}
	if e.Version == 0 || e.Record == 0 {
		return e, nil, damaged("a record without version or kind")
	}
	e.Body, err = d.part(int(binary.BigEndian.Uint32(d.head[:4])), 0, maxBody)
	return e, nil, err
}

// part reads n bytes, which must be within the bounds.
func (d *entryReader) part(n, least, most int) ([]byte, error) {
	if n < least || n > most {
		return nil, damaged("a record with a part of %d bytes", n)
	}
	if cap(d.buf) < n {
		clear(d.buf[:cap(d.buf)])
		d.buf = make([]byte, n)
	}
	d.buf = d.buf[:n]
	return d.buf, d.read(d.buf)
}

func (d *entryReader) summary() (*summary, error) {
	var b [summarySize]byte
	if err := d.read(b[:]); err != nil {
		return nil, err
	}
	return &summary{
		live: binary.BigEndian.Uint64(b[:]), deleted: binary.BigEndian.Uint64(b[8:]), kept: binary.BigEndian.Uint64(b[16:]),
		total: binary.BigEndian.Uint64(b[24:]), contents: Hash(b[32:64]), highWater: binary.BigEndian.Uint64(b[64:]),
	}, nil
}
