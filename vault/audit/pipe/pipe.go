package pipe

import (
	"bytes"
	"errors"
	"os"
	"sync"
)

// Errors of a FIFO that takes no lines now.
var (
	ErrNoReader = errors.New("nobody reads from it")
	ErrNoFIFO   = errors.New("is no FIFO; make one with mkfifo, mode 0600 or 0640")
)

// Writer writes lines into the FIFO at a path, which it opens when there is
// something to write, and again after its reader went away. A reader that comes gets whole
// lines, but for the rest of one that an earlier reader left half read.
type Writer struct {
	path string

	mu     sync.Mutex // guards what follows, and is not held while the FIFO is opened or written
	f      *os.File
	closed bool
}

// New returns a writer to the FIFO at path. It does not touch it yet.
func New(path string) *Writer { return &Writer{path: path} }

// Write writes whole lines and waits for the reader to take them. With an error
// it returns the length of the whole lines that were written. It is for one
// goroutine.
func (w *Writer) Write(lines []byte) (int, error) {
	f, err := w.open()
	if err != nil {
		return 0, err
	}
	n, err := f.Write(lines)
	if err == nil {
		return n, nil
	}
	w.drop(f)
	return bytes.LastIndexByte(lines[:n], '\n') + 1, readerGone(err)
}

// open returns the open FIFO. It may hang, as a file system may; Close does not.
func (w *Writer) open() (*os.File, error) {
	if f, err := w.present(); f != nil || err != nil {
		return f, err
	}
	f, err := openFIFO(w.path)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		_ = f.Close() // nothing was written
		return nil, os.ErrClosed
	}
	w.f = f
	return f, nil
}

// present returns the FIFO if it is open already.
func (w *Writer) present() (*os.File, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, os.ErrClosed
	}
	return w.f, nil
}

// drop closes f, so that the next Write opens the FIFO anew.
func (w *Writer) drop(f *os.File) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = f.Close() // nothing is buffered
	if w.f == f {
		w.f = nil
	}
}

// Close ends a Write that waits.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.f == nil {
		return nil
	}
	f := w.f
	w.f = nil
	return f.Close()
}
