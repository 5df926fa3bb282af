package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/internal/perm"
	"github.com/vaultd/vaultd/vault/fault"
)

// openDirectories makes the store's and the anchor's directories where they are
// missing, refuses them when anybody else could change or read them, and keeps
// other daemons out of the store until the lock is closed.
func openDirectories(c config.Store) (lock *os.File, err error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the store directory: %w", err)
	}
	if err := private(c.Dir); err != nil {
		return nil, err
	}
	if c.Anchor != "" {
		if err := os.MkdirAll(filepath.Dir(c.Anchor), 0o700); err != nil {
			return nil, fmt.Errorf("make the anchor's directory: %w", err)
		}
		if err := perm.Check(filepath.Dir(c.Anchor)); err != nil {
			return nil, unsafe(err)
		}
		if err := perm.Private(c.Anchor); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, unsafe(err)
		}
	}
	return lockDirectory(c.Dir)
}

// guessesFile is where wrong passwords are counted: beside the anchor, where a
// copy of the store that is put back does not reach it, or else in the store's
// directory, which is the only one that is sure to be the daemon's own.
func guessesFile(c config.Store) string {
	if c.Anchor != "" {
		return c.Anchor + ".guesses"
	}
	return filepath.Join(c.Dir, "guesses")
}

// openExisting is openDirectories for a store that has to be there already.
func openExisting(c config.Store) (lock *os.File, err error) {
	if _, err := os.Lstat(c.Dir); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.ErrNotInitialized
	}
	if err := private(c.Dir); err != nil {
		return nil, err
	}
	return lockDirectory(c.Dir)
}

// private refuses a store of which others can change or read any part.
func private(dir string) error {
	if err := perm.Private(dir); err != nil {
		return unsafe(err)
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read the store directory: %w", err)
	}
	for _, n := range names {
		if err := perm.Private(filepath.Join(dir, n.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return unsafe(err)
		}
	}
	return nil
}

func unsafe(err error) error {
	return fault.E(fault.CodeUnsafePerms, "%v", err)
}

func errLocked(dir string) error {
	return fault.E(fault.CodeInUse, "another vaultd uses the store in %s", dir)
}
