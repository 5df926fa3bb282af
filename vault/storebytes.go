package vault

import (
	"io/fs"
	"path/filepath"
	"sync"
	"time"
)

// bytesFor is how long a sum of file sizes is given out again.
const bytesFor = 5 * time.Second

// byteCount keeps the latest sum of the sizes of the vault's files.
type byteCount struct {
	mu    sync.Mutex
	taken time.Time
	sum   int64
}

// forget has the next sum taken anew.
func (c *byteCount) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = time.Time{}
}

// StoreBytes is the sum of the sizes of the files in the vault's directory. It
// is up to some seconds old, and without what could not be looked at.
func (v *Vault) StoreBytes() int64 {
	c := &v.bytes
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.taken.IsZero() && time.Since(c.taken) < bytesFor {
		return c.sum
	}
	c.sum = 0
	_ = filepath.WalkDir(v.o.Dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return nil //nolint:nilerr // files come and go meanwhile
		}
		if info, err := entry.Info(); err == nil {
			c.sum += info.Size()
		}
		return nil
	})
	c.taken = time.Now()
	return c.sum
}
