package audit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Names in the directory of a log.
const (
	hashesName  = "hashes"      // every hash of the tree, in tlog's order
	newestName  = "checkpoint"  // the newest checkpoint
	historyName = "checkpoints" // every checkpoint
	stateName   = "state"       // the newest head known to be durable, unsigned
	publicName  = "audit.pub"   // the verifier key
	reserveName = "reserve"     // space for urgent records
	lockName    = "lock"
	tempSuffix  = ".tmp"
)

// replaceFile puts a file of these bytes at path, at once or not at all.
func replaceFile(path string, data []byte) error {
	temp := path + tempSuffix
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		if err = os.Rename(temp, path); err == nil {
			return syncDir(filepath.Dir(path))
		}
	}
	return errors.Join(err, os.Remove(temp))
}

// readSmall reads a file that has no reason to be larger than limit.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", filepath.Base(path), limit)
	}
	return data, err
}

// copyTo writes the first n bytes of an open file, which may have lost its
// name, to a new file at path.
func copyTo(path string, from io.ReaderAt, n int64) error {
	temp := path + tempSuffix
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.NewSectionReader(from, 0, n))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		if err = os.Rename(temp, path); err == nil {
			return syncDir(filepath.Dir(path))
		}
	}
	return errors.Join(err, os.Remove(temp))
}
