//go:build unix

package keyfile

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

const noWait = syscall.O_NONBLOCK

// private refuses what others can read or write, and what somebody else wrote. Root
// reads the daemon's.
func private(path string, info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s is open to others (mode %04o), who may have copied it; make a new one", path, mode)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("it is not known who owns %s", path)
	}
	if uid, me := int(st.Uid), os.Geteuid(); uid != 0 && uid != me && me != 0 {
		return fmt.Errorf("%s belongs to user %d, not to the user of this process (%d)", path, uid, me)
	}
	return nil
}
