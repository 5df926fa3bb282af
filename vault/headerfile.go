package vault

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/vaultd/vaultd/vault/store"
)

// Names of the header files in the vault's directory.
const (
	headerName       = "header"
	headerBackupName = "header.backup"
	headerInitName   = "header.init" // only while init runs
	tempSuffix       = ".tmp"
)

// headerFiles is the pair of header files in one directory.
//
// A replacement goes through them in a fixed order: header first, then its
// backup, each written beside, synced and renamed into place. Until the first
// rename the old header is in force, from then on the new one, so that at
// every moment exactly one of two passwords opens the vault. The backup never
// opens anything: it is only ever copied back by Repair, and after a crash
// between the two renames it is merely older and is brought up to date at the
// next unseal.
type headerFiles struct {
	dir string
	// reached, where set, is called after each step of a replacement; a test
	// stops the process there.
	reached func(step string)
}

// headerCopy is one of the two files as found. Exactly one of header and err is set.
type headerCopy struct {
	header *header
	err    error // fs.ErrNotExist, errHeaderBytes, errHeaderNewer, or of reading
}

func (f headerFiles) read(name string) headerCopy {
	b, err := readFileLimited(filepath.Join(f.dir, name), maxHeaderLen)
	if err != nil {
		return headerCopy{err: err}
	}
	h, err := parseHeader(b)
	return headerCopy{header: h, err: err}
}

// load returns the header in force and how its backup stands. A header that
// is missing or damaged while there is anything beside it is ErrHeaderDamaged:
// taking the backup silently could bring an old password back.
//
// While the store's creation is unfinished there is no vault, header or not.
func (f headerFiles) load() (*header, headerCopy, error) {
	if incomplete, err := store.Incomplete(f.dir); err == nil && incomplete {
		return nil, headerCopy{err: fs.ErrNotExist}, ErrNotInitialized
	}
	main, backup := f.read(headerName), f.read(headerBackupName)
	switch {
	case errors.Is(main.err, errHeaderNewer):
		return nil, backup, newerFormat(main.err.Error())
	case errors.Is(backup.err, errHeaderNewer): // it would be made anew
		return nil, backup, newerFormat(backup.err.Error())
	case main.err == nil:
		return main.header, backup, nil
	case errors.Is(main.err, fs.ErrNotExist) && errors.Is(backup.err, fs.ErrNotExist):
		return nil, backup, ErrNotInitialized
	case errors.Is(main.err, errHeaderBytes), errors.Is(main.err, fs.ErrNotExist):
		return nil, backup, ErrHeaderDamaged.Because(main.err)
	}
	return nil, backup, E(CodeInternal, "the vault header cannot be read").Because(main.err)
}

// replace puts the encoded header b in force, then brings the backup up to date.
func (f headerFiles) replace(b []byte) error {
	if err := f.put(headerName, b); err != nil {
		return err
	}
	return f.put(headerBackupName, b)
}

// put replaces one file atomically and durably.
func (f headerFiles) put(name string, b []byte) error {
	path := filepath.Join(f.dir, name)
	if err := writeSynced(path+tempSuffix, b); err != nil {
		return err
	}
	f.at(name + " written")
	if err := os.Rename(path+tempSuffix, path); err != nil {
		return err
	}
	f.at(name + " renamed")
	if err := syncDir(f.dir); err != nil {
		return err
	}
	f.at(name + " durable")
	return nil
}

func (f headerFiles) at(step string) {
	if f.reached != nil {
		f.reached(step)
	}
}

// inForce reports whether the header file on disk is exactly b. It settles
// what a failed replacement left behind.
func (f headerFiles) inForce(b []byte) bool {
	got, err := readFileLimited(filepath.Join(f.dir, headerName), maxHeaderLen)
	return err == nil && bytes.Equal(got, b)
}

// writeSynced creates path anew with b in it, on stable storage.
func writeSynced(path string, b []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(b)
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// syncDir makes renames in dir durable. Windows has no such call and orders
// them by itself.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// readFileLimited reads a regular file of at most limit bytes; a longer one,
// or something that is no file, is reported as damaged.
func readFileLimited(path string, limit int64) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, errHeaderBytes
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, limit))
}
