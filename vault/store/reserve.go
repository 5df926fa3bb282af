package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Badger appends to a memory map of a sparse file, NNNNN.mem. Another program
// may take the last of the disk after the free space was looked at, and the
// kernel then answers a write to the map with SIGBUS, which ends the process.
// So the file gets its blocks before anything is written to it.

// reserve gives every log file that Badger has begun its blocks. It is cheap
// when there is no new one. An error that is full means that nothing may be
// written yet.
func (e *engine) reserve() error {
	for next := e.logFile; next < e.logFile+rotations; next++ {
		name := filepath.Join(e.dir, fmt.Sprintf("%05d.mem", next))
		f, err := os.OpenFile(name, os.O_RDWR|openNoFollow, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = allocate(f)
			f.Close()
		}
		if err != nil {
			return fmt.Errorf("reserve badger's log: %w", err)
		}
		e.logFile = next + 1
	}
	return nil
}

// rotations is more log files than one batch can fill. Some of them may be
// gone by the next.
const rotations = MaxBatch/memTableSize + 2

// findLog sets the number of the oldest log file.
func (e *engine) findLog() error {
	names, err := filepath.Glob(filepath.Join(e.dir, "*.mem"))
	if err != nil {
		return err
	}
	for i, name := range names { // in order
		var n int
		if _, err := fmt.Sscanf(filepath.Base(name), "%d.mem", &n); err == nil && (i == 0 || n < e.logFile) {
			e.logFile = n
		}
	}
	return nil
}
