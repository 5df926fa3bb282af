package stream

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// WriteFile puts data at path so that a reader finds either the old file or all
// of the new one; see Create. A path that is a device or pipe is written to
// directly.
func WriteFile(path string, data []byte) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return writeDirectly(path, data)
	}
	f, err := Create(path)
	if err != nil {
		return err
	}
	defer f.Abandon()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Keep()
}

// File is a file under way: a temporary one of mode 0600 in the directory where
// it is to be.
type File struct {
	path string
	f    *os.File // nil when it was kept or abandoned
}

// Create begins a file. Abandon it in any case; after Keep that does nothing.
func Create(path string) (*File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return &File{path, f}, nil
}

// Write appends b.
func (f *File) Write(b []byte) (int, error) {
	n, err := f.f.Write(b)
	if err != nil {
		return n, fmt.Errorf("write %s: %w", f.path, err)
	}
	return n, nil
}

// Keep makes the file durable and gives it its name, in the place of an older one.
func (f *File) Keep() (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", f.path, err)
		}
	}()
	if err := f.f.Sync(); err != nil {
		return err
	}
	if err := f.f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.f.Name(), f.path); err != nil {
		return err
	}
	f.f = nil
	return syncDir(filepath.Dir(f.path))
}

// syncDir makes a rename durable, where directories can be synced.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil //nolint:nilerr // one may write in a directory that one can't read
	}
	return errors.Join(d.Sync(), d.Close())
}

// Abandon removes what was written.
func (f *File) Abandon() {
	if f.f != nil {
		_ = f.f.Close()
		_ = os.Remove(f.f.Name())
		f.f = nil
	}
}

func writeDirectly(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(data)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// Write sends data to a file, or to stdout when path is "" or "-".
func Write(stdout io.Writer, path string, data []byte) error {
	if path != "" && path != "-" {
		return WriteFile(path, data)
	}
	_, err := stdout.Write(data)
	return err
}
