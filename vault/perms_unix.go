//go:build unix

package vault

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// ownedAlone reports whether only this process's user, or root, can write to the file.
func ownedAlone(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode().Perm()&0o022 == 0 && (st.Uid == uint32(os.Geteuid()) || st.Uid == 0)
}

// otherOwner is whom a file belongs to, if this is root and it is somebody else.
func otherOwner(info fs.FileInfo) (uid, gid int, other bool) {
	if info == nil || os.Geteuid() != 0 {
		return 0, 0, false
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return int(st.Uid), int(st.Gid), ok && st.Uid != 0
}

// giveTo makes a directory, and what is in it, belong to whom like belongs to.
// Only root can, and only root needs to. The directory comes last: until then
// nobody else gets into it.
func giveTo(like fs.FileInfo, dir string) error {
	uid, gid, other := otherOwner(like)
	if !other {
		return nil
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := os.Lchown(filepath.Join(dir, e.Name()), uid, gid); err != nil {
			return err
		}
	}
	return os.Lchown(dir, uid, gid)
}

// asOwner runs fn as whom like belongs to, where root would be somebody else to
// the files. No other goroutine may open files meanwhile.
func asOwner(like fs.FileInfo, fn func() error) (err error) {
	uid, gid, other := otherOwner(like)
	if !other {
		return fn()
	}
	if err := syscall.Setegid(gid); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, syscall.Setegid(0)) }()
	if err := syscall.Seteuid(uid); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, syscall.Seteuid(0)) }()
	return fn()
}
