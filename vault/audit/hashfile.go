package audit

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// hashFile is the file of the tree's hashes. It can be computed from the
// records, so it may lag behind them: what could not be written waits in rest.
type hashFile struct {
	path    string
	f       *os.File
	info    os.FileInfo
	written int64
	rest    []byte
	unsaved bool // something was written since the last sync
	cached  cached
}

func openHashFile(dir string) (*hashFile, error) {
	h := &hashFile{path: filepath.Join(dir, hashesName)}
	return h, h.open(os.O_CREATE)
}

func (h *hashFile) open(flag int) (err error) {
	if h.f, err = os.OpenFile(h.path, os.O_RDWR|flag, 0o600); err != nil {
		return err
	}
	if h.info, err = h.f.Stat(); err != nil {
		return err
	}
	h.written = h.info.Size()
	h.cached = cached{from: h.written}
	return nil
}

// flush writes what waits.
func (h *hashFile) flush() error {
	if len(h.rest) == 0 {
		return nil
	}
	if _, err := h.f.WriteAt(h.rest, h.written); err != nil {
		return fmt.Errorf("write %s: %w", hashesName, err)
	}
	h.written += int64(len(h.rest))
	h.rest = h.rest[:0]
	h.unsaved = true
	return nil
}

func (h *hashFile) sync() error {
	if err := h.flush(); err != nil {
		return err
	}
	if !h.unsaved {
		return nil
	}
	if err := h.f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", hashesName, err)
	}
	h.unsaved = false
	h.cached.synced(h.f, h.written)
	return nil
}

// cut drops everything from byte n on.
func (h *hashFile) cut(n int64) error {
	h.rest = h.rest[:0]
	if err := h.f.Truncate(n); err != nil {
		return err
	}
	h.written, h.unsaved = n, true
	h.cached.from = min(h.cached.from, n)
	return nil
}

// ReadAt implements io.ReaderAt over the file and what waits.
func (h *hashFile) ReadAt(p []byte, off int64) (int, error) {
	if off < h.written {
		return h.f.ReadAt(p, off)
	}
	if off -= h.written; off >= int64(len(h.rest)) {
		return 0, io.EOF
	}
	n := copy(p, h.rest[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
