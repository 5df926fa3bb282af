package vault

import (
	"io/fs"
	"path/filepath"
)

// StoreBytes is the size of all files in the vault's directory, sealed or not.
// What can't be looked at counts nothing.
func (v *Vault) StoreBytes() (total int64) {
	_ = filepath.WalkDir(v.o.Dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // Badger drops files while it works
		}
		if info, err := e.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}
