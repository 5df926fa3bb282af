package ownfile

import (
	"errors"
	"io"
	"os"
)

// File is a file whose bytes only this process writes. The zero value with Path
// and Limit is one that was not looked at yet. It is not safe for concurrent
// use, and a Look must not meet a write of the process itself.
type File struct {
	Path  string
	Limit int64 // bytes of it that are read at most

	mark    Mark
	known   bool // mark is what it looked like
	checked bool // its bytes were right then
}

// Wrote notes that the process itself wrote or replaced the file just now.
func (f *File) Wrote() {
	mark, err := Of(f.Path)
	f.mark, f.known, f.checked = mark, err == nil, false
}

// Look says what somebody else did to the file since the last Look or Wrote,
// empty for nothing. Right tells whether bytes are those that should be there; it is
// asked when anything about the file changed, and once after Wrote. What was
// done is said once, unless the bytes are wrong.
func (f *File) Look(right func([]byte) bool) string {
	now, err := Of(f.Path)
	if err != nil {
		return Missing(err)
	}
	if f.known && f.checked && now == f.mark {
		return ""
	}
	what := ""
	if f.known {
		what = now.Since(f.mark)
	}
	b, err := read(f.Path, f.Limit)
	if err != nil || !right(b) {
		if f.known && !now.SameFile(f.mark) {
			return what + ", with other bytes"
		}
		return "does not have the bytes that were written"
	}
	f.mark, f.known, f.checked = now, true, true
	if what != "" {
		what += "; its bytes are right"
	}
	return what
}

var errNotRegular = errors.New("not a regular file")

func read(path string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotRegular
	}
	return io.ReadAll(io.LimitReader(f, limit+1))
}
