package backup

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/vaultd/vaultd/internal/secret"
)

// Writer writes one backup. Entries come in the order of names. It is not for
// concurrent use.
type Writer struct {
	seal     sealer
	base     uint64
	content  Content
	sum      summary
	contents hash.Hash
	last     Name
	begun    bool
	buf      []byte
}

// NewWriter writes the header to w, with a new salt. Key is the vault's backup
// key, 32 bytes; it is not kept.
func NewWriter(w io.Writer, key []byte, h Header) (*Writer, error) {
	rand.Read(h.Salt[:]) //nolint:errcheck // never fails
	encoded := h.Append(nil)
	aead, err := newAEAD(key, &h, [32]byte(encoded[len(encoded)-sha256.Size:]))
	if err != nil {
		return nil, err
	}
	b := &Writer{
		base: h.BaseSeq, content: h.Content, contents: sha256.New(),
		seal: sealer{w: w, aead: aead, sum: sha256.New(), plain: make([]byte, 0, frameSize)},
	}
	return b, b.seal.put(encoded)
}

// Add takes the next entry. A live record that has not changed since the base is
// not written, but in the end the whole has to add up to it.
func (b *Writer) Add(e Entry) error {
	if b.begun && bytes.Compare(e.Name[:], b.last[:]) <= 0 {
		return fmt.Errorf("record %x does not come in order", e.Name)
	}
	b.last, b.begun = e.Name, true
	secret.Wipe(b.buf)
	b.buf = e.append(b.buf[:0])
	switch {
	case e.Kind == Deleted && b.content == Full:
		return nil
	case e.Kind == Deleted:
		b.sum.deleted++
	case e.Kind != Live:
		return errors.New("only records that live or are deleted are added")
	default:
		b.sum.total++
		b.contents.Write(b.buf)
		if b.content == Full || e.Seq > b.base {
			b.sum.live++
			break
		}
		if b.content == Changes {
			return nil
		}
		b.sum.kept++
		b.buf = (&Entry{Kind: Kept, Name: e.Name}).append(b.buf[:0])
	}
	_, err := b.seal.Write(b.buf)
	return err
}

// Finish writes the end, and returns what identifies the backup.
func (b *Writer) Finish(highWater time.Time) (Hash, error) {
	if !highWater.IsZero() {
		b.sum.highWater = uint64(highWater.UnixNano())
	}
	b.contents.Sum(b.sum.contents[:0])
	if _, err := b.seal.Write(b.sum.append(nil)); err != nil {
		return Hash{}, err
	}
	if err := b.seal.flush(true); err != nil {
		return Hash{}, err
	}
	h := Hash(b.seal.sum.Sum(nil))
	_, err := b.seal.w.Write(h[:])
	return h, err
}

// Wipe overwrites what was not yet sealed.
func (b *Writer) Wipe() {
	secret.Wipe(b.buf[:cap(b.buf)])
	secret.Wipe(b.seal.plain[:cap(b.seal.plain)])
}
