package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Lock keeps other processes out of a store directory. The kernel releases it
// when the process ends, however it ends.
type Lock struct{ f *os.File }

// LockDir takes the lock of a store directory or returns ErrLocked.
func LockDir(dir string) (*Lock, error) {
	f, err := os.OpenFile(filepath.Join(dir, fileLock), os.O_RDWR|os.O_CREATE|openNoFollow, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := flock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return &Lock{f}, nil
}

// Close releases the lock. The file stays: removing it would let two
// processes lock two files of the same name.
func (l *Lock) Close() error {
	if l == nil {
		return nil
	}
	return l.f.Close()
}

// CheckFS refuses directories on network file systems with ErrNetworkFS.
func CheckFS(dir string) error {
	kind, err := networkFS(dir)
	if err != nil {
		return err
	}
	if kind != "" {
		return fmt.Errorf("%w (%s): move the store to a local disk", ErrNetworkFS, kind)
	}
	return nil
}

// checkDir refuses a directory that is a link, or that others may write to.
// It looks at every file directly in it as well.
func checkDir(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %s", ErrNoStore, dir)
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%w: %s is not a directory", ErrPermissions, dir)
	}
	if err := checkOwner(dir, info); err != nil {
		return err
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // a temporary file that has just gone
		}
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%w: %s is a symbolic link", ErrPermissions, e.Name())
		}
		if err := checkOwner(filepath.Join(dir, e.Name()), info); err != nil {
			return err
		}
	}
	return nil
}

// clearLeftovers removes what interrupted work left behind: temporary files, and
// journals and databases of any generation but the given one. The keyring has
// been read by then, so nothing else can be opened again anyway.
func clearLeftovers(dir string, generation uint64) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	removed := false
	for _, e := range list {
		g, ours := generationOf(e.Name())
		if !(ours && g != generation) && !isTemporary(e.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
		removed = true
	}
	if removed {
		return syncDir(dir)
	}
	return nil
}

// isTemporary tells the store's own temporary files from the vault's.
func isTemporary(file string) bool {
	if filepath.Ext(file) != suffixTmp {
		return false
	}
	base := file[:len(file)-len(suffixTmp)]
	switch base {
	case fileKeyring, fileKeyringBackup, fileClean, "check":
		return true
	}
	_, ours := generationOf(base)
	return ours
}

// Incomplete reports whether a Create in dir was interrupted. Nothing in such
// a directory was ever handed to anybody; Create begins anew there.
func Incomplete(dir string) (bool, error) { return exists(dir, fileCreating) }
