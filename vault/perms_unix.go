//go:build unix

package vault

import (
	"io/fs"
	"os"
	"syscall"
)

// ownedAlone reports whether only this process's user, or root, can write to the file.
func ownedAlone(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode().Perm()&0o022 == 0 && (st.Uid == uint32(os.Geteuid()) || st.Uid == 0)
}
