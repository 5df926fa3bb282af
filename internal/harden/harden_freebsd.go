package harden

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// From <sys/procctl.h> and <sys/wait.h>.
const (
	idtypePID        = 0
	procTraceCtl     = 7
	procTraceDisable = 2 // for this process; children start traceable
)

// kernel refuses debuggers, ktrace and core dumps by procctl(2).
func kernel() []Measure {
	mode := int32(procTraceDisable)
	_, _, errno := unix.Syscall6(unix.SYS_PROCCTL, idtypePID, uintptr(os.Getpid()), procTraceCtl,
		uintptr(unsafe.Pointer(&mode)), 0, 0)
	m := Measure{Name: "no-ptrace"}
	if errno != 0 {
		m.Err = errno
	}
	return []Measure{m}
}
