package stream

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// WriteFile puts data at path so that a reader finds either the old file or all
// of the new one: it goes to a temporary file of mode 0600 in the same
// directory, is synced and renamed. A path that is a device or pipe is written
// to directly.
func WriteFile(path string, data []byte) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return writeDirectly(path, data)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
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
