package stream

import (
	"context"
	"io"

	"github.com/vaultd/vaultd/internal/secret"
)

// What is read ahead and written behind: a few buffers each way, whatever the
// size of the stream.
const (
	bufferSize = 256 << 10
	buffers    = 4
)

// Ahead reads a source ahead of who uses it, so that waiting for the disk and
// encrypting go on at the same time. When ctx ends, Read returns its error at
// once, also while the source gives nothing.
type Ahead struct {
	ctx   context.Context
	full  chan piece
	free  chan []byte
	pool  [][]byte
	whole []byte // of the piece being read
	rest  []byte
	err   error
	ended bool // the background is done
}

type piece struct {
	data []byte
	err  error
}

// ReadAhead begins to read r, up to its end or until ctx ends. It goes on in
// the background; a read that has begun can't be stopped.
func ReadAhead(ctx context.Context, r io.Reader) *Ahead {
	a := &Ahead{ctx: ctx, full: make(chan piece, buffers), free: make(chan []byte, buffers)}
	for range buffers {
		buf := make([]byte, bufferSize)
		a.pool = append(a.pool, buf)
		a.free <- buf
	}
	go a.fill(r)
	return a
}

func (a *Ahead) fill(r io.Reader) {
	for {
		select {
		case <-a.ctx.Done():
			return
		case buf := <-a.free:
			n, err := r.Read(buf)
			a.full <- piece{buf[:n], err} // never blocks: there are no more buffers than room
			if err != nil {
				return
			}
		}
	}
}

func (a *Ahead) Read(p []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		if a.ctx.Err() != nil {
			a.err = a.ctx.Err()
			return 0, a.err
		}
		select {
		case <-a.ctx.Done():
			a.err = a.ctx.Err()
		case next := <-a.full:
			a.whole, a.rest, a.err, a.ended = next.data, next.data, next.err, next.err != nil
		}
	}
	n := copy(p, a.rest)
	a.rest = a.rest[n:]
	if len(a.rest) == 0 {
		a.free <- a.whole[:bufferSize]
	}
	return n, nil
}

// Wipe overwrites what was read, once reading has come to its end; a read that
// goes on still has its buffer, and the program ends soon after. Until then a
// buffer is overwritten by what comes next.
func (a *Ahead) Wipe() {
	if !a.ended {
		return
	}
	for _, buf := range a.pool {
		secret.Wipe(buf)
	}
}

// Behind writes to a destination behind who makes the data. When ctx ends,
// Write and Close return its error at once.
type Behind struct {
	ctx  context.Context
	full chan []byte
	free chan []byte
	pool [][]byte
	done chan struct{} // closed when nothing more is written
	err  error         // of writing, once done is closed
	cur  []byte
}

// WriteBehind begins to write to w what Write is given. Close ends it.
func WriteBehind(ctx context.Context, w io.Writer) *Behind {
	b := &Behind{ctx: ctx, full: make(chan []byte, buffers), free: make(chan []byte, buffers), done: make(chan struct{})}
	for range buffers {
		buf := make([]byte, bufferSize)
		b.pool = append(b.pool, buf)
		b.free <- buf[:0]
	}
	go b.drain(w)
	return b
}

func (b *Behind) drain(w io.Writer) {
	defer close(b.done)
	for {
		select {
		case <-b.ctx.Done():
			b.err = b.ctx.Err()
			return
		case data, more := <-b.full:
			if !more {
				return
			}
			_, b.err = w.Write(data)
			if b.err != nil {
				return
			}
			b.free <- data[:0]
		}
	}
}

func (b *Behind) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		if b.cur == nil {
			select {
			case b.cur = <-b.free:
			case <-b.done:
				return written, b.err
			case <-b.ctx.Done():
				return written, b.ctx.Err()
			}
		}
		n := min(len(p), cap(b.cur)-len(b.cur))
		b.cur, p, written = append(b.cur, p[:n]...), p[n:], written+n
		if len(b.cur) == cap(b.cur) {
			b.full <- b.cur // never blocks, as above
			b.cur = nil
		}
	}
	return written, nil
}

// Wipe overwrites what was written, once that has come to its end.
func (b *Behind) Wipe() {
	select {
	case <-b.done:
	default:
		return
	}
	for _, buf := range b.pool {
		secret.Wipe(buf)
	}
}

// Close writes what is left and waits for it. It does not close the destination.
func (b *Behind) Close() error {
	if len(b.cur) > 0 {
		b.full <- b.cur
	}
	close(b.full)
	select {
	case <-b.done:
		return b.err
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
}
