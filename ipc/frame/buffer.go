package frame

import "io"

const (
	minBuffer  = 4 << 10  // what a connection starts with
	keepBuffer = 64 << 10 // a buffer that grew beyond this is given back when it runs empty
)

// Buffer collects bytes from a connection so that a frame can be handled where
// it lies. It grows with what arrives, never with what a header announces, and
// overwrites what was consumed, since requests carry secrets. The zero value is ready.
type Buffer struct {
	b          []byte
	start, end int // b[start:end] is read and not yet consumed

	// Max bounds the buffer, and is at least the largest frame with its
	// header. Zero is no bound.
	Max int
	// Grow is asked before the buffer takes more memory, with the number of
	// bytes added, and told with a negative number when it gives some back.
	// An answer of false ends the read with ErrNoMemory. Nil allows everything.
	Grow func(delta int) bool
}

// Bytes is what was read and not yet consumed. It is valid until the next call of a method.
func (b *Buffer) Bytes() []byte { return b.b[b.start:b.end] }

// Fill reads once from r, after making room. It returns the error of r, an
// io.EOF included, or ErrNoMemory.
func (b *Buffer) Fill(r io.Reader) error {
	if b.end == len(b.b) {
		if err := b.room(); err != nil {
			return err
		}
	}
	n, err := r.Read(b.b[b.end:])
	b.end += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// room moves what is unread to the front, or doubles the buffer.
func (b *Buffer) room() error {
	if b.start > 0 {
		n := copy(b.b, b.b[b.start:b.end])
		clear(b.b[n:b.end])
		b.start, b.end = 0, n
		return nil
	}
	size := max(minBuffer, 2*len(b.b))
	if b.Max > 0 && size > b.Max {
		if size = b.Max; size <= len(b.b) {
			return ErrTooLarge
		}
	}
	if b.Grow != nil && !b.Grow(size-len(b.b)) {
		return ErrNoMemory
	}
	grown := make([]byte, size)
	copy(grown, b.b[:b.end])
	clear(b.b[:b.end])
	b.b = grown
	return nil
}

// Consume overwrites and drops the first n bytes.
func (b *Buffer) Consume(n int) {
	clear(b.b[b.start : b.start+n])
	b.start += n
	if b.start == b.end {
		b.start, b.end = 0, 0
		if len(b.b) > keepBuffer {
			b.release()
		}
	}
}

// Release overwrites everything and gives the memory back.
func (b *Buffer) Release() {
	clear(b.b[b.start:b.end])
	b.start, b.end = 0, 0
	b.release()
}

func (b *Buffer) release() {
	if b.Grow != nil && len(b.b) > 0 {
		b.Grow(-len(b.b))
	}
	b.b = nil
}
