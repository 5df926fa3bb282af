//go:build !linux

package audit

import "os"

// allocate gives f blocks for size bytes.
func allocate(f *os.File, size int64) error { return fill(f, size) }
