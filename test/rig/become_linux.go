package rig

import (
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Become runs do on a thread of its own that is another user, in one group and
// no other, as only root can: what do connects is that user's, as far as the
// kernel is concerned, and stays so when do has returned. Other threads stay
// what they are.
func Become(uid, gid uint32, do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // for ever: the thread ends with the goroutine
		become(unix.SYS_SETGROUPS, 0, 0, 0)
		become(unix.SYS_SETRESGID, keep, uintptr(gid), keep)
		become(unix.SYS_SETRESUID, keep, uintptr(uid), keep)
		do()
		become(unix.SYS_SETRESUID, keep, 0, keep) // the user is seen to be in use no longer
	}()
	<-done
}

// keep leaves an id as it is.
const keep = ^uintptr(0)

// become is not syscall.Setuid and the like, which are of the whole process.
func become(call, a, b, c uintptr) {
	if _, _, err := syscall.RawSyscall(call, a, b, c); err != 0 {
		panic(err)
	}
}
