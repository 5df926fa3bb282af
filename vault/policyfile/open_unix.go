//go:build unix

package policyfile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxLinks is how many symbolic links one path may go through, as in Linux.
const maxLinks = 40

// open opens the file that path leads to. Every directory and symbolic link on
// the way must belong to root or to the user of this process, so that nobody
// else chooses the file; the last step does not follow a link that was put
// there meanwhile.
func open(path string) (*os.File, error) {
	real, err := follow(path)
	if err != nil {
		return nil, err
	}
	// Without O_NONBLOCK, opening a pipe would wait for somebody to write.
	f, err := os.OpenFile(real, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// follow walks path one name at a time and returns where it ends.
func follow(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	at, rest, links := "/", strings.Split(abs, "/"), 0
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		info, err := os.Lstat(next)
		if err != nil {
			return "", err
		}
		if err := owned(next, info); err != nil {
			return "", err
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return "", fmt.Errorf("%s: more than %d symbolic links", path, maxLinks)
			}
			target, err := os.Readlink(next)
			if err != nil {
				return "", err
			}
			if filepath.IsAbs(target) {
				at = "/"
			}
			rest = append(strings.Split(target, "/"), rest...)
			continue
		case info.IsDir():
			if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
				return "", fmt.Errorf("%s can be written by everybody (mode %04o), so that what lies in it could be replaced",
					next, info.Mode().Perm())
			}
		case len(rest) > 0:
			return "", &fs.PathError{Op: "open", Path: next, Err: syscall.ENOTDIR}
		}
		at = next
	}
	return at, nil
}

// safe refuses an open file that is none, or that others may change.
func safe(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	if err := owned(path, info); err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("%s can be written by others (mode %04o); run 'chmod go-w %s'", path, mode, path)
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
