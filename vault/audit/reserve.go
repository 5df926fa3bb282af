package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// reserve is a file that only occupies space. When the disk is full it is
// given up, so that urgent records have somewhere to go; while it is not whole
// nothing else is written, or ordinary records would eat what it set free.
type reserve struct {
	path string
	size int64 // what it should have; 0 for no reserve
	held int64
}

// hold takes all of the reserve, or reports why it can't.
func (r *reserve) hold() error {
	if r.held >= r.size {
		return nil
	}
	return r.take(r.size)
}

// grab takes as much of the reserve as there is room for, in halves.
func (r *reserve) grab() {
	for n := r.size; n > r.held && n >= 16<<10; n /= 2 {
		if r.take(n) == nil {
			return
		}
	}
}

func (r *reserve) take(n int64) error {
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("reserve space: %w", err)
	}
	if err = allocate(f, n); err != nil {
		// What was taken before stays; what was taken now goes.
		err = errors.Join(err, f.Truncate(r.held))
	} else {
		r.held = n
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("reserve %d bytes in %s: %w", n, filepath.Dir(r.path), err)
	}
	return nil
}

// release gives the space back to the file system.
func (r *reserve) release() error {
	if r.held == 0 {
		return nil
	}
	r.held = 0
	if err := os.Truncate(r.path, 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// fill allocates by writing, where the file system has no other way.
func fill(f *os.File, size int64) error {
	block := make([]byte, 64<<10)
	for off := int64(0); off < size; off += int64(len(block)) {
		if _, err := f.WriteAt(block[:min(int64(len(block)), size-off)], off); err != nil {
			return err
		}
	}
	return f.Sync()
}
