package secret

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync/atomic"
	"unsafe"
)

// Placeholder is what a secret prints as.
const Placeholder = "[secret]"

// ErrMarshal is returned by every attempt to marshal a secret.
var ErrMarshal = errors.New("a secret can't be marshalled")

// Bytes is a secret of fixed length in locked memory. Who creates it wipes it;
// nothing is wiped by the garbage collector, since a slice from [Bytes.Bytes]
// does not keep its Bytes alive. All methods are safe for concurrent use and on
// a nil pointer, but whoever calls Wipe must know that nobody still uses the
// slice: its memory goes to the next secret.
type Bytes struct {
	live atomic.Bool
	// A pointer and a length rather than a slice, so that printing a struct that
	// holds a Bytes by value shows an address and no content.
	mem  *byte
	size int
}

// New returns a secret of n zero bytes. It panics when n is negative.
func New(n int) *Bytes {
	if n < 0 {
		panic(fmt.Sprintf("secret: length %d", n))
	}
	b := &Bytes{size: n}
	if n > 0 {
		b.mem = shared.take(n)
	}
	b.live.Store(true)
	return b
}

// From returns a secret with the content of b, and wipes b.
func From(b []byte) *Bytes {
	s := New(len(b))
	copy(s.Bytes(), b)
	Wipe(b)
	return s
}

// Read returns a secret of n bytes filled from r, such as a random source. It
// returns the error of r, after wiping, when r gives fewer.
func Read(r io.Reader, n int) (*Bytes, error) {
	s := New(n)
	if _, err := io.ReadFull(r, s.Bytes()); err != nil {
		s.Wipe()
		return nil, err
	}
	return s, nil
}

// Bytes is the content itself, not a copy: writing to it changes the secret. It
// is nil after Wipe, and its capacity is its length.
func (b *Bytes) Bytes() []byte {
	if b == nil || !b.live.Load() {
		return nil
	}
	return unsafe.Slice(b.mem, b.size)
}

// Len is the length in bytes, 0 after Wipe.
func (b *Bytes) Len() int { return len(b.Bytes()) }

// Clone returns a secret with the same content and a life of its own.
func (b *Bytes) Clone() *Bytes {
	c := New(b.Len())
	copy(c.Bytes(), b.Bytes())
	return c
}

// Equal reports, in time that depends on the lengths alone, whether the
// contents are the same.
func (b *Bytes) Equal(other []byte) bool {
	return subtle.ConstantTimeCompare(b.Bytes(), other) == 1
}

// Wipe overwrites the secret and gives its memory back. A second call does nothing.
func (b *Bytes) Wipe() {
	if b == nil || !b.live.CompareAndSwap(true, false) || b.mem == nil {
		return
	}
	shared.give(b.mem, b.size)
}

// Wipe overwrites b with zeros.
//
//go:noinline
func Wipe(b []byte) {
	clear(b)
	runtime.KeepAlive(&b)
}

// Format prints the placeholder for every verb.
func (b *Bytes) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Placeholder) }

// String is the placeholder.
func (b *Bytes) String() string { return Placeholder }

// LogValue is the placeholder.
func (b *Bytes) LogValue() slog.Value { return slog.StringValue(Placeholder) }

// MarshalText returns ErrMarshal.
func (b *Bytes) MarshalText() ([]byte, error) { return nil, ErrMarshal }

// MarshalJSON returns ErrMarshal.
func (b *Bytes) MarshalJSON() ([]byte, error) { return nil, ErrMarshal }

// MarshalBinary returns ErrMarshal.
func (b *Bytes) MarshalBinary() ([]byte, error) { return nil, ErrMarshal }

// GobEncode returns ErrMarshal.
func (b *Bytes) GobEncode() ([]byte, error) { return nil, ErrMarshal }
