//go:build unix

package vault

import (
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

// giveTo makes path, and what is in it, belong to whom like belongs to. Only root
// can, and only root needs to.
func giveTo(like fs.FileInfo, path string) error {
	st, ok := like.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return filepath.WalkDir(path, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, int(st.Uid), int(st.Gid))
	})
}
