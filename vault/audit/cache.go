package audit

import "os"

// keptCached is how much of the end of a file stays in the system's memory for
// those who read what was just written, in bytes.
const keptCached = 4 << 20

// cached bounds what a file that is only ever appended to takes of the system's
// memory. Otherwise a busy log would fill the memory with itself, push out what
// other programs read, and pay for fresh memory with every record.
type cached struct{ from int64 } // before it nothing is cached

// synced tells that the file is on disk up to size.
func (c *cached) synced(f *os.File, size int64) {
	if size-c.from < 2*keptCached {
		return
	}
	to := size - keptCached
	uncache(f, c.from, to)
	c.from = to
}
