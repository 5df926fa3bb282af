//go:build unix

package watch

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// identity tells what path leads to from what it led to before.
func identity(path string) string {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return "-"
	}
	return fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// changed is what identity and os.FileInfo leave out of what path leads to: owner, and when
// permissions or contents last changed, which nobody can set back.
func changed(path string) string {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return "-"
	}
	return fmt.Sprintf(" %d %d %o %d %d.%d", st.Uid, st.Gid, st.Mode, st.Size, st.Ctim.Sec, st.Ctim.Nsec)
}
