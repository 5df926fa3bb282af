package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The files of a store directory. The vault's header files lie beside them.
const (
	fileKeyring       = "keyring"
	fileKeyringBackup = "keyring.backup"
	fileClean         = "clean"
	fileBallast       = "ballast"
	fileLock          = "lock"
	fileCreating      = "creating"
	prefixDB          = "db-"
	prefixJournal     = "journal-"
	suffixTmp         = ".tmp"
	dirCheck          = "check" + suffixTmp
)

func dbName(generation uint64) string { return prefixDB + strconv.FormatUint(generation, 10) }

// journalNames are the two copies of a generation's journal.
func journalNames(generation uint64) [2]string {
	base := prefixJournal + strconv.FormatUint(generation, 10)
	return [2]string{base + ".a", base + ".b"}
}

// generationOf tells which generation a file or directory belongs to.
func generationOf(file string) (uint64, bool) {
	digits, ok := strings.CutPrefix(file, prefixDB)
	if !ok {
		if digits, ok = strings.CutPrefix(file, prefixJournal); !ok {
			return 0, false
		}
		digits = strings.TrimSuffix(strings.TrimSuffix(digits, ".a"), ".b")
	}
	g, err := strconv.ParseUint(digits, 10, 64)
	return g, err == nil
}

// writeFile replaces a file so that after a crash either the old or the new
// content is there, whole.
func writeFile(dir, file string, data []byte) error {
	tmp := filepath.Join(dir, file+suffixTmp)
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, filepath.Join(dir, file))
	}
	if err != nil {
		os.Remove(tmp) //nolint:errcheck // leftovers are removed at open
		return err
	}
	return syncDir(dir)
}

// removeFile unlinks a file durably; a missing one is fine.
func removeFile(dir, file string) error {
	if err := os.Remove(filepath.Join(dir, file)); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return syncDir(dir)
}

// openRegular opens a file that must be a regular one, without following a
// symbolic link.
func openRegular(path string, flag int) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, flag|openNoFollow, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: not a regular file", filepath.Base(path))
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// readFile reads a file of at most limit bytes.
func readFile(dir, file string, limit int64) ([]byte, error) {
	f, info, err := openRegular(filepath.Join(dir, file), os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > limit {
		return nil, corrupt(file, "%d bytes long, expected at most %d", info.Size(), limit)
	}
	b := make([]byte, info.Size())
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	return b, nil
}

func exists(dir, file string) (bool, error) {
	_, err := os.Lstat(filepath.Join(dir, file))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// copyFile copies a regular file durably.
func copyFile(from, to string) error {
	src, _, err := openRegular(from, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	if err == nil {
		err = dst.Sync()
	}
	if cerr := dst.Close(); err == nil {
		err = cerr
	}
	return err
}

// copyDir copies the files of a directory into a new one.
func copyDir(from, to string) error {
	list, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	for _, e := range list {
		if err := copyFile(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}
