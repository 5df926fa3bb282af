package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Create makes an empty store in o.Dir, which may exist if no store is in it,
// and opens it. The anchor at o.AnchorPath, if any, is overwritten: it belongs
// to a vault that is no more.
//
// A crash at any moment leaves either a whole store, or a directory for which
// Incomplete reports true and in which Create can be repeated.
func Create(o Options) (*Store, error) {
	if err := o.normalize(); err != nil {
		return nil, err
	}
	if err := os.Mkdir(o.Dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create store directory: %w", err)
	}
	if err := checkDir(o.Dir); err != nil {
		return nil, err
	}
	if err := CheckFS(o.Dir); err != nil {
		return nil, err
	}
	root, err := deriveKeys(o.RootKey, o.VaultID)
	if err != nil {
		return nil, err
	}
	s := newStore(o, root)
	if err := s.create(); err != nil {
		s.release()
		return nil, err
	}
	s.start()
	return s, nil
}

func (s *Store) create() (err error) {
	o := &s.opts
	if o.Lock == nil {
		if s.ownLock, err = LockDir(o.Dir); err != nil {
			return err
		}
	}
	if err := s.claim(); err != nil {
		return err
	}
	if s.room, err = newRoom(*o); err != nil {
		return err
	}
	if free, _, err := space(o.Dir); err != nil {
		return err
	} else if free < s.room.floor+s.room.ballast {
		return fmt.Errorf("%w: %d MiB free, a new store needs %d MiB", ErrFull, free>>20,
			(s.room.floor+s.room.ballast)>>20)
	}
	if err := s.room.fill(); err != nil {
		return err
	}
	s.ring = &keyring{generation: 1, term: 1, keys: newGenerationKeys(), created: o.Now()}
	s.sealer = newSealer(s.ring.keys, s.ring.term, o.VaultID)
	s.index = newIndex(newLeafHasher(s.root.digest), 0)
	if s.journal, err = createJournal(o.Dir, s.ring.generation, o.VaultID, s.ring.keys); err != nil {
		return err
	}
	if err := s.journal.write(payload{kind: frameSnapshotEnd}); err != nil {
		return err
	}
	if err := s.journal.sync(); err != nil {
		return err
	}
	if s.engine, err = s.openEngine(s.ring); err != nil {
		return err
	}
	if err := s.engine.apply([]op{s.sealer.stateRecord(state{})}); err != nil {
		return err
	}
	if o.AnchorPath != "" {
		s.ring.flags |= flagAnchored
	}
	if err := s.ring.save(o.Dir, s.root, o.VaultID); err != nil {
		return err
	}
	if err := s.enrollAnchor(nil); err != nil {
		return err
	}
	if o.Publish != nil {
		if err := o.Publish(); err != nil {
			return err
		}
	}
	if err := syncDir(filepath.Dir(o.Dir)); err != nil {
		return err
	}
	if err := removeFile(o.Dir, fileCreating); err != nil {
		return err
	}
	return s.takeStock()
}

// claim marks the directory as being made, or clears what an interrupted
// Create left there. It refuses a directory that holds a store.
func (s *Store) claim() error {
	dir := s.opts.Dir
	incomplete, err := Incomplete(dir)
	if err != nil {
		return err
	}
	if incomplete {
		for _, f := range []string{fileKeyring, fileKeyringBackup, fileClean, fileBallast} {
			if err := removeFile(dir, f); err != nil {
				return err
			}
		}
		return clearLeftovers(dir, 0)
	}
	found, err := findStore(dir)
	if err != nil {
		return err
	}
	if found {
		return fmt.Errorf("%w: %s", ErrExists, dir)
	}
	return writeFile(dir, fileCreating, nil)
}
