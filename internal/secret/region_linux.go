package secret

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapRegion returns at least n bytes of the best memory that the kernel grants,
// between two guard pages, so that running over either end faults instead of
// reading a neighbour.
func mapRegion(n int) region {
	page := os.Getpagesize()
	size := (n + page - 1) / page * page
	if mem, ok := mapSecret(size, page); ok {
		return guarded(mem, page, hidden)
	}
	mem, err := unix.Mmap(-1, 0, size+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return heapRegion(n)
	}
	// Both are hints about leaks through others; the memory works without them.
	_ = unix.Madvise(mem, unix.MADV_DONTDUMP)
	_ = unix.Madvise(mem, unix.MADV_WIPEONFORK)
	if err := unix.Mlock(mem[page : page+size]); err != nil {
		return guarded(mem, page, unlocked)
	}
	return guarded(mem, page, locked)
}

// mapSecret maps memory that the kernel itself can't read through its direct
// map (memfd_secret(2), Linux 5.14). It is locked and undumpable by nature, and
// shared by nature too: MADV_DONTFORK keeps it out of children.
func mapSecret(size, page int) ([]byte, bool) {
	fd, err := unix.MemfdSecret(unix.O_CLOEXEC)
	if err != nil {
		return nil, false
	}
	defer func() { _ = unix.Close(fd) }() // the mapping keeps the memory
	if err := unix.Ftruncate(fd, int64(size+2*page)); err != nil {
		return nil, false
	}
	mem, err := unix.Mmap(fd, 0, size+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, false
	}
	if err := unix.Madvise(mem, unix.MADV_DONTFORK); err != nil {
		_ = unix.Munmap(mem)
		return nil, false
	}
	return mem, true
}

func guarded(mem []byte, page int, guard protection) region {
	_ = unix.Mprotect(mem[:page], unix.PROT_NONE)
	_ = unix.Mprotect(mem[len(mem)-page:], unix.PROT_NONE)
	return region{
		mem: mem[page : len(mem)-page], guard: guard,
		unmap: func() { _ = unix.Munmap(mem) },
	}
}
