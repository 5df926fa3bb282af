package stream

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

// File is output that appears at its path when it is complete: until Commit a
// reader finds the old file there, or none. It is a temporary file of mode 0600
// in the same directory. A path that is a device or pipe is written to directly.
type File struct {
	f    *os.File
	path string
	temp bool
}

// Create begins a file.
func Create(path string) (*File, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return nil, fmt.Errorf("write %s: %w", path, err)
		}
		return &File{f: f, path: path}, nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", path, err)
	}
	return &File{f: f, path: path, temp: true}, nil
}

func (o *File) Write(p []byte) (int, error) {
	n, err := o.f.Write(p)
	if err != nil {
		err = fmt.Errorf("write %s: %w", o.path, err)
	}
	return n, err
}

// Commit puts the file in its place, once the disk has all of it. On an error
// nothing is there but what was before.
func (o *File) Commit() error {
	if err := o.commit(); err != nil {
		o.Abort()
		return fmt.Errorf("write %s: %w", o.path, err)
	}
	return nil
}

func (o *File) commit() error {
	if !o.temp {
		return o.f.Close()
	}
	if err := o.f.Sync(); err != nil {
		return err
	}
	if err := o.f.Close(); err != nil {
		return err
	}
	if err := os.Rename(o.f.Name(), o.path); err != nil {
		return err
	}
	o.temp = false
	return syncDir(filepath.Dir(o.path))
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

// Abort drops what was written, and does nothing after Commit.
func (o *File) Abort() {
	_ = o.f.Close()
	if o.temp {
		_ = os.Remove(o.f.Name())
	}
}

// WriteFile puts data at path, as a File does.
func WriteFile(path string, data []byte) error {
	f, err := Create(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

// Write sends data to a file, or to stdout when path is "" or "-".
func Write(stdout io.Writer, path string, data []byte) error {
	if path != "" && path != "-" {
		return WriteFile(path, data)
	}
	_, err := stdout.Write(data)
	return err
}
