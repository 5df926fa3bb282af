package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// SetAside copies what a store and its vault can be opened from again, which is
// everything but Badger's copy, into the directory name within dir: the journals, the
// keyrings and those other files that are there. Nobody may have the store open.
// The directory appears complete or not at all. It returns the number of bytes, and
// ErrFull without having written anything where there is no room.
func SetAside(dir, name string, others ...string) (size int64, err error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	var files []string
	for _, e := range list {
		_, ofGeneration := generationOf(e.Name())
		wanted := e.Name() == fileKeyring || e.Name() == fileKeyringBackup || ofGeneration || slices.Contains(others, e.Name())
		if !wanted || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return 0, err
		}
		files = append(files, e.Name())
		size += info.Size()
	}
	free, _, err := space(dir)
	if err != nil {
		return 0, err
	}
	if needed := size + lowWater; free < needed {
		return 0, fmt.Errorf("%w: a copy of the store needs %d bytes, and %d are free", ErrFull, needed, free)
	}
	to := filepath.Join(dir, name)
	half := to + suffixTmp
	if err := os.RemoveAll(half); err != nil {
		return 0, err
	}
	if err := os.Mkdir(half, 0o700); err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(half) // the first error is the one to tell
		}
	}()
	for _, file := range files {
		if err := copyFile(filepath.Join(dir, file), filepath.Join(half, file)); err != nil {
			return 0, err
		}
	}
	if err := syncDir(half); err != nil {
		return 0, err
	}
	if err := os.Rename(half, to); err != nil {
		return 0, err
	}
	return size, syncDir(dir)
}
