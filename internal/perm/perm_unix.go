//go:build unix

package perm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Check returns an error that names path, or one of its parents, when somebody
// other than root and the user of this process owns it or may write to it. A
// parent may be open to all if it is sticky, as /tmp is. Symbolic links are
// followed first. An error of fs.ErrNotExist stays one.
func Check(path string) error {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	if real, err = filepath.Abs(real); err != nil {
		return err
	}
	info, err := os.Lstat(real)
	if err != nil {
		return err
	}
	if err := safe(real, info); err != nil {
		return err
	}
	for dir := filepath.Dir(real); ; dir = filepath.Dir(dir) {
		if err := parent(dir); err != nil {
			return err
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// Open opens the regular file at path for reading, if Check allows it. What it
// opens is looked at again: path may lead to another file by then.
func Open(path string) (*os.File, error) {
	if err := Check(path); err != nil {
		return nil, err
	}
	// Without O_NONBLOCK, opening a pipe would wait for somebody to write.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err == nil {
		err = safe(path, info)
	}
	if err != nil {
		_ = f.Close() // the first error is the one to tell
		return nil, err
	}
	return f, nil
}

// safe refuses what somebody else owns or may write to.
func safe(path string, info fs.FileInfo) error {
	if err := owned(path, info); err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("%s can be written by others (mode %04o); run 'chmod go-w %s'", path, mode, path)
	}
	return nil
}

// Private is Check, and that nobody else may even read path.
func Private(path string) error {
	if err := Check(path); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s is open to others (mode %04o); run 'chmod go-rwx %s'", path, mode, path)
	}
	return nil
}

// Owned returns an error that names the directory when one on the way to path,
// as far as it is there, belongs to somebody other than root and the user of
// this process, or may be written by everybody and is not sticky. Path itself,
// and what is below it, need not exist.
func Owned(path string) error {
	dir := filepath.Clean(path)
	for {
		real, err := filepath.EvalSymlinks(dir)
		if err == nil {
			dir = real
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return err
		}
		dir = filepath.Dir(dir)
	}
	for ; ; dir = filepath.Dir(dir) {
		if info, err := os.Lstat(dir); err == nil && !info.IsDir() {
			if err := owned(dir, info); err != nil {
				return err
			}
		} else if err := parent(dir); err != nil {
			return err
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// parent holds directories above to a weaker rule: whoever may create names in
// one could swap what lies below, unless the sticky bit forbids it. A group may
// write, since many systems give each user a group of its own.
func parent(dir string) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if err := owned(dir, info); err != nil {
		return err
	}
	if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("%s can be written by everybody (mode %04o), so that what lies in it could be replaced", dir, info.Mode().Perm())
	}
	return nil
}

func owned(path string, info fs.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	if uid := int(st.Uid); uid != 0 && uid != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d, not to the user of this process (%d)", path, uid, os.Geteuid())
	}
	return nil
}
