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
		for _, call := range [][4]uintptr{
			{unix.SYS_SETGROUPS},
			{unix.SYS_SETRESGID, uintptr(gid), uintptr(gid), uintptr(gid)},
			{unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)},
		} {
			// Not syscall.Setuid and the like, which are of the whole process.
			if _, _, err := syscall.RawSyscall(call[0], call[1], call[2], call[3]); err != 0 {
				panic(err)
			}
		}
		do()
	}()
	<-done
}
