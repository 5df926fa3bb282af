package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// survey is what a walk over one copy of a journal found: how far its frames
// are whole, and whether anything but zeros lies behind them.
type survey struct {
	file   string
	frames uint64
	end    int64 // behind the last whole frame
	size   int64 // of the file
	head   chain // after the last whole frame
	junk   int64 // offset of the first byte behind end that is not zero; -1 if none
}

// walker tells walk what to do besides finding the frames' ends.
type walker struct {
	skipHash bool   // leave survey.head alone
	markAt   uint64 // after this many frames …
	mark     *chain // … keep the chain hash here
	// frame, if set, sees each whole frame and the chain before it. It may
	// overwrite the frame.
	frame func(before chain, at int64, frame []byte) error
}

// walk reads a copy of a journal.
func (w walker) walk(dir, file string) (survey, error) {
	f, info, err := openRegular(filepath.Join(dir, file), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return survey{file: file, junk: -1}, corrupt(file, "missing")
	}
	if err != nil {
		return survey{file: file, junk: -1}, err
	}
	defer f.Close()
	return w.read(bufio.NewReaderSize(f, 256<<10), file, info.Size())
}

// read goes through a journal frame by frame. It stops without an error at
// the first bytes that are no whole frame; the caller judges what that means.
// It never allocates more than the size says is left, nor more than a frame
// may have.
func (w walker) read(r *bufio.Reader, file string, size int64) (survey, error) {
	s := survey{file: file, size: size, junk: -1}
	header := make([]byte, journalHeaderSize)
	if n, err := io.ReadFull(r, header); err != nil && n < journalHeaderSize && !isEOF(err) {
		return s, fmt.Errorf("read %s: %w", file, err)
	}
	if s.size < journalHeaderSize {
		return s, corrupt(file, "shorter than its header")
	}
	if err := checkJournalHeader(header); err != nil {
		return s, corrupt(file, "%v", err)
	}
	s.end, s.head = journalHeaderSize, chainStart(header)
	w.note(s)
	var buf []byte
	for {
		peek, err := r.Peek(frameHeaderSize)
		if err != nil && !isEOF(err) {
			return s, fmt.Errorf("read %s: %w", file, err)
		}
		h, ok := parseFrameHeader(peek)
		if !ok || h.number != s.frames || h.size() > s.size-s.end {
			break
		}
		if int64(cap(buf)) < h.size() {
			buf = make([]byte, h.size())
		}
		buf = buf[:h.size()]
		if _, err := io.ReadFull(r, buf); err != nil {
			if isEOF(err) {
				return s, fmt.Errorf("read %s: file shrank meanwhile", file)
			}
			return s, fmt.Errorf("read %s: %w", file, err)
		}
		if !frameIntact(buf) {
			s.junk = s.end
			return s, nil
		}
		before := s.head
		if !w.skipHash {
			s.head = s.head.next(buf)
		}
		if w.frame != nil {
			if err := w.frame(before, s.end, buf); err != nil {
				return s, err
			}
		}
		s.end += h.size()
		s.frames++
		w.note(s)
	}
	var err error
	if s.junk, err = firstNonZero(r, s.end); err != nil {
		return s, fmt.Errorf("read %s: %w", file, err)
	}
	return s, nil
}

func (w walker) note(s survey) {
	if w.mark != nil && s.frames == w.markAt {
		*w.mark = s.head
	}
}

func isEOF(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// firstNonZero returns the offset of the first byte in r that is not zero, at
// being the offset where r begins, or -1.
func firstNonZero(r io.Reader, at int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if !allZero(buf[:n]) {
			for i, b := range buf[:n] {
				if b != 0 {
					return at + int64(i), nil
				}
			}
		}
		at += int64(n)
		if err == io.EOF {
			return -1, nil
		}
		if err != nil {
			return -1, err
		}
	}
}

// samePrefix compares the first n bytes of two files and returns the offset
// of the first difference, or -1.
func samePrefix(dir string, files [2]string, n int64) (int64, error) {
	var readers [2]io.Reader
	for i, file := range files {
		f, _, err := openRegular(filepath.Join(dir, file), os.O_RDONLY)
		if err != nil {
			return -1, err
		}
		defer f.Close()
		readers[i] = io.LimitReader(f, n)
	}
	a, b := make([]byte, 256<<10), make([]byte, 256<<10)
	for at := int64(0); at < n; {
		na, erra := io.ReadFull(readers[0], a)
		nb, errb := io.ReadFull(readers[1], b)
		if !bytes.Equal(a[:na], b[:nb]) {
			i := 0
			for i < min(na, nb) && a[i] == b[i] {
				i++
			}
			return at + int64(i), nil
		}
		at += int64(na)
		if erra != nil || errb != nil {
			if !isEOF(erra) || !isEOF(errb) {
				return -1, errors.Join(erra, errb)
			}
			if at < n {
				return at, nil
			}
		}
	}
	return -1, nil
}

// laterFrame looks behind from for the header of a frame with a number above
// the given one. A commit is fsynced before the next is begun, so a torn tail
// never has one; damage to an acknowledged frame may. It returns its offset
// or -1.
func laterFrame(dir, file string, from int64, number uint64) (int64, error) {
	f, _, err := openRegular(filepath.Join(dir, file), os.O_RDONLY)
	if err != nil {
		return -1, err
	}
	defer f.Close()
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return -1, err
	}
	return findFrame(bufio.NewReaderSize(f, 256<<10), from, number)
}

// findFrame is laterFrame for what r still has, from being its offset.
func findFrame(r *bufio.Reader, from int64, number uint64) (int64, error) {
	for at := from; ; {
		b, err := r.Peek(r.Size())
		if err != nil && !isEOF(err) {
			return -1, err
		}
		if len(b) < frameHeaderSize {
			return -1, nil
		}
		skip := len(b) - frameHeaderSize + 1
		for i := 0; i < skip; i++ {
			next := bytes.Index(b[i:], []byte(frameMagic))
			if next < 0 || i+next >= skip {
				break
			}
			i += next
			if h, ok := parseFrameHeader(b[i:]); ok && h.number > number {
				return at + int64(i), nil
			}
		}
		n, err := r.Discard(skip)
		if err != nil {
			return -1, err
		}
		at += int64(n)
	}
}
