package backup

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/vaultd/vaultd/internal/secret"
)

// File is a backup that can be read more than once.
type File interface {
	io.ReaderAt
	Size() int64
}

// Reader reads one backup. It is not for concurrent use.
type Reader struct {
	Header *Header
	// Hash is what the file ends with. It is proven by the time Next returns io.EOF.
	Hash Hash

	open   opener
	decode entryReader
	sum    summary // of what was read
	end    *summary
	last   Name
	begun  bool
}

// start is where the frames of a file begin, and how long they are.
func start(f File) (h *Header, at, length int64, last Hash, err error) {
	size := f.Size()
	h, n, err := ReadHeader(bufio.NewReader(io.NewSectionReader(f, 0, size)))
	if err != nil {
		return nil, 0, 0, last, err
	}
	at = int64(n)
	length = size - at - sha256.Size
	if length <= tagSize {
		return nil, 0, 0, last, damaged("it was cut: %d bytes", size)
	}
	_, err = f.ReadAt(last[:], size-sha256.Size)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, 0, last, fmt.Errorf("read the backup: %w", err)
	}
	return h, at, length, last, nil
}

// NewReader reads the header. Key is the vault's backup key; it is not kept.
func NewReader(f File, key []byte) (*Reader, error) {
	h, at, length, last, err := start(f)
	if err != nil {
		return nil, err
	}
	head := make([]byte, at)
	if _, err := f.ReadAt(head, 0); err != nil {
		return nil, fmt.Errorf("read the backup: %w", err)
	}
	if !bytes.Equal(h.Append(nil), head) {
		return nil, damaged("its header changed while it was read")
	}
	aead, err := newAEAD(key, h, [32]byte(head[at-sha256.Size:]))
	if err != nil {
		return nil, err
	}
	r := &Reader{Header: h, Hash: last}
	r.open = opener{
		r: bufio.NewReaderSize(io.NewSectionReader(f, at, length), frameSize), aead: aead,
		sum: sha256.New(), left: length, frame: make([]byte, frameSize+tagSize),
	}
	r.open.sum.Write(head)
	r.decode.r = &r.open
	return r, nil
}

// Next returns the next entry. After the last it returns io.EOF, if the file is
// whole: as long as it was, and every byte what was written.
func (r *Reader) Next() (Entry, error) {
	if r.end != nil {
		return Entry{}, io.EOF
	}
	e, end, err := r.decode.next()
	if err != nil {
		return Entry{}, err
	}
	if end != nil {
		return Entry{}, r.finish(end)
	}
	if r.begun && bytes.Compare(e.Name[:], r.last[:]) <= 0 {
		return Entry{}, damaged("its records are out of order")
	}
	r.last, r.begun = e.Name, true
	h := r.Header
	switch e.Kind {
	case Live:
		r.sum.live++
		if e.Seq > h.Seq || h.Content != Full && e.Seq <= h.BaseSeq {
			return Entry{}, damaged("a record of commit %d", e.Seq)
		}
	case Deleted:
		r.sum.deleted++
	case Kept:
		r.sum.kept++
	}
	if h.Content == Full && e.Kind != Live || h.Content == Changes && e.Kind == Kept {
		return Entry{}, damaged("an entry that its kind of backup has not")
	}
	return e, nil
}

func (r *Reader) finish(end *summary) error {
	var extra [1]byte
	if _, err := io.ReadFull(&r.open, extra[:]); err == nil {
		return damaged("something follows its end")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	if r.sum.live != end.live || r.sum.deleted != end.deleted || r.sum.kept != end.kept {
		return damaged("it does not have as many records as it says")
	}
	if r.Hash != Hash(r.open.sum.Sum(nil)) {
		return damaged("its last 32 bytes are not the hash of what is before them")
	}
	r.end = end
	r.Wipe()
	return io.EOF
}

// Total is how many records the vault had; known at the end.
func (r *Reader) Total() uint64 {
	if r.end == nil {
		return 0
	}
	return r.end.total
}

// HighWater is the latest time that the vault had seen; known at the end.
func (r *Reader) HighWater() time.Time {
	if r.end == nil || r.end.highWater == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(r.end.highWater))
}

// Wipe overwrites the content that was read last.
func (r *Reader) Wipe() {
	secret.Wipe(r.open.frame[:cap(r.open.frame)])
	secret.Wipe(r.decode.buf[:cap(r.decode.buf)])
}

// Checked is what a file says of itself, and proves without a key.
type Checked struct {
	Header *Header
	Hash   Hash
}

// CheckHash reads a file and compares it with the hash that it ends with. That
// tells damage, and not a forgery: only who made the backup knows the hash that
// it should have.
func CheckHash(f File) (Checked, error) {
	h, at, length, last, err := start(f)
	if err != nil {
		return Checked{}, err
	}
	sum := sha256.New()
	if err := copyExactly(sum, io.NewSectionReader(f, 0, at+length), at+length); err != nil {
		return Checked{}, err
	}
	if Hash(sum.Sum(nil)) != last {
		return Checked{}, damaged("its last 32 bytes are not the hash of what is before them")
	}
	return Checked{h, last}, nil
}

func copyExactly(h hash.Hash, r io.Reader, n int64) error {
	got, err := io.Copy(h, r)
	if err != nil {
		return fmt.Errorf("read the backup: %w", err)
	}
	if got != n {
		return errors.New("the backup got shorter while it was read")
	}
	return nil
}
