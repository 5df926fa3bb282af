package audit

import (
	"os"

	"golang.org/x/sys/unix"
)

// uncache lets the kernel use the memory of a part of f that is on disk for
// something else. It is advice: what it could not do matters to nobody.
func uncache(f *os.File, from, to int64) {
	_ = unix.Fadvise(int(f.Fd()), from, to-from, unix.FADV_DONTNEED)
}
