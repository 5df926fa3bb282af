package service

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// writeAll writes all files but the main one, which the library writes, and
// returns those that it made, also with an error.
func writeAll(files []File) (written []File, err error) {
	for _, f := range files {
		if f.Main {
			continue
		}
		err := write(f)
		if errors.Is(err, fs.ErrExist) && f.Yours {
			continue
		}
		if err != nil {
			return written, err
		}
		written = append(written, f)
	}
	return written, nil
}

// write makes a file where there is none.
func write(f File) error {
	if err := makeDirectory(filepath.Dir(f.Path)); err != nil {
		return err
	}
	w, err := os.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.Mode)
	if err != nil {
		return fmt.Errorf("write %s: %w", f.Path, err)
	}
	_, err = w.Write(f.Content)
	err = errors.Join(err, w.Chmod(f.Mode), w.Close()) // whatever the umask is
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", f.Path, err), os.Remove(f.Path))
	}
	return nil
}

// makeDirectory makes what is missing of a directory of configuration, open to all
// for reading.
func makeDirectory(dir string) error {
	err := os.Mkdir(dir, 0o755)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		if err := makeDirectory(filepath.Dir(dir)); err != nil {
			return err
		}
		return makeDirectory(dir)
	case err != nil:
		return fmt.Errorf("make %s: %w", dir, err)
	}
	return os.Chmod(dir, 0o755) // whatever the umask is
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove %s: %w", path, err)
	}
	return nil
}
