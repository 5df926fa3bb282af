//go:build unix && !linux

package secret

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapRegion returns at least n bytes, locked where the system allows it.
func mapRegion(n int) region {
	page := os.Getpagesize()
	mem, err := unix.Mmap(-1, 0, (n+page-1)/page*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return heapRegion(n)
	}
	r := region{mem: mem, guard: locked, unmap: func() { _ = unix.Munmap(mem) }}
	if err := unix.Mlock(mem); err != nil {
		r.guard = unlocked
	}
	return r
}
