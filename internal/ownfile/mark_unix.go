//go:build unix

package ownfile

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

const (
	typeBits = unix.S_IFMT
	noFollow = unix.O_NOFOLLOW | unix.O_NONBLOCK // nor wait for a FIFO that was put there
)

// Of looks at what is at path; a symbolic link is not followed.
func Of(path string) (Mark, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return Mark{}, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	return mark(&st), nil
}

// OfOpen looks at an open file, which may have lost its name.
func OfOpen(f *os.File) (Mark, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return Mark{}, err
	}
	var st unix.Stat_t
	var failed error
	err = conn.Control(func(fd uintptr) { failed = unix.Fstat(int(fd), &st) })
	if err := errors.Join(err, failed); err != nil {
		return Mark{}, err
	}
	return mark(&st), nil
}

func mark(st *unix.Stat_t) Mark {
	return Mark{
		Device: uint64(st.Dev), Inode: st.Ino, Links: uint64(st.Nlink), //nolint:gosec,unconvert // of other types on other systems
		UID: st.Uid, GID: st.Gid, Mode: uint32(st.Mode), Size: st.Size, //nolint:unconvert // as above
		Modified: unix.TimespecToNsec(st.Mtim), Changed: unix.TimespecToNsec(st.Ctim),
	}
}
