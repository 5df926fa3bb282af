package store

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"

	"github.com/vaultd/vaultd/internal/ownfile"
)

// Touched says what somebody other than the store did to one of its files.
type Touched struct {
	File string // name within the directory, or path of the directory or the anchor
	What string // for people
}

// custody is what the store knows of its files since it was opened. The
// committer alone uses it: between commits nothing of it changes, but for
// Badger's directory and what a rewrite makes.
type custody struct {
	dir    ownfile.Mark
	names  map[string]bool // names that were there, whatever they are
	ring   ownfile.File
	backup ownfile.File
	anchor ownfile.File
	engine engineFiles

	seen []Touched // found before an own write, to be told with the next Inspect
}

// maxSeen bounds what waits to be told.
const maxSeen = 64

// takeStock begins custody of a store that was just opened.
func (s *Store) takeStock() error {
	c := custody{names: make(map[string]bool)}
	var err error
	if c.dir, err = ownfile.Of(s.opts.Dir); err != nil {
		return err
	}
	list, err := os.ReadDir(s.opts.Dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if _, ours := generationOf(e.Name()); !ours {
			c.names[e.Name()] = true
		}
	}
	c.ring = ownfile.File{Path: filepath.Join(s.opts.Dir, fileKeyring), Limit: keyringSize}
	c.backup = ownfile.File{Path: filepath.Join(s.opts.Dir, fileKeyringBackup), Limit: keyringSize}
	c.anchor = ownfile.File{Path: s.opts.AnchorPath, Limit: anchorSize}
	c.wroteRing()
	c.anchor.Wrote()
	c.engine.look(s.engine, dbName(s.ring.generation))
	s.custody = c
	return nil
}

// wroteRing notes that the store replaced both copies of the keyring.
func (c *custody) wroteRing() {
	c.ring.Wrote()
	c.backup.Wrote()
}

// Inspect compares the files of the store with what it wrote, and says what
// somebody else did to them since it was opened. Names are further files of the
// directory that belong to the caller. It looks at names, identities, sizes and
// times, and reads only the keyring and the anchor, and those only where
// something about them changed; commits wait for that long.
//
// A store that failed is not inspected: what it wrote last is not known.
func (s *Store) Inspect(ctx context.Context, names ...string) (found []Touched, err error) {
	err = s.do(ctx, func() error {
		if s.Err() == nil {
			found = s.inspect(names)
		}
		return nil
	})
	return found, err
}

// inspect runs in the committer.
func (s *Store) inspect(names []string) []Touched {
	c := &s.custody
	found := c.seen
	c.seen = nil
	tell := func(file, what string) {
		if what != "" {
			found = append(found, Touched{file, what})
		}
	}
	// A rewrite begins in the committer, so that it can only end meanwhile.
	rewriting := s.rewriting.Load()
	now, err := ownfile.Of(s.opts.Dir)
	if err != nil {
		tell(s.opts.Dir, ownfile.Missing(err))
		return found
	}
	tell(s.opts.Dir, now.Fixed().Since(c.dir.Fixed()))
	right := func(b []byte) bool { return bytes.Equal(b, s.ring.encoded) }
	tell(fileKeyring, c.ring.Look(right))
	tell(fileKeyringBackup, c.backup.Look(right))
	for i, f := range s.journal.files {
		tell(s.journal.names[i], openStill(filepath.Join(s.opts.Dir, s.journal.names[i]), f, s.journal.size))
	}
	if lock := s.lockFile(); lock != nil {
		tell(fileLock, openStill(filepath.Join(s.opts.Dir, fileLock), lock, -1))
	}
	if s.room.held {
		_, err := ownfile.Of(filepath.Join(s.opts.Dir, fileBallast))
		tell(fileBallast, ownfile.Missing(err))
	}
	if s.anchor != nil {
		tell(s.opts.AnchorPath, s.lookAtAnchor())
	}
	found = append(found, s.strangers(names, rewriting)...)
	return append(found, c.engine.look(s.engine, dbName(s.ring.generation))...)
}

func (s *Store) lockFile() *os.File {
	switch {
	case s.opts.Lock != nil:
		return s.opts.Lock.f
	case s.ownLock != nil:
		return s.ownLock.f
	}
	return nil
}

// openStill says what is wrong when path does not lead to the open file any
// more, when others may write it, or when it has not the size given, if that is
// not negative.
func openStill(path string, f *os.File, size int64) string {
	info, err := os.Lstat(path)
	if err != nil {
		return ownfile.Missing(err)
	}
	at, err := ownfile.Of(path)
	if err != nil {
		return ownfile.Missing(err)
	}
	own, err := ownfile.OfOpen(f)
	if err != nil {
		return "can't be examined: " + err.Error()
	}
	switch {
	case !at.SameFile(own):
		return "was replaced by another"
	case at.Links != 1:
		return "has another name now"
	case checkOwner(path, info) != nil:
		return "can be written by others now"
	case size >= 0 && at.Size < size:
		return "was cut off"
	case size >= 0 && at.Size > size:
		return "got bytes from somebody else"
	}
	return ""
}

// lookAtAnchor says what somebody else did to the anchor. It comes before each
// write to it as well, which would hide that.
func (s *Store) lookAtAnchor() string {
	return s.custody.anchor.Look(func(b []byte) bool {
		m, err := parseAnchor(b, s.root.anchor, s.opts.VaultID)
		return err == nil && *m == s.anchor.last && len(b) == anchorSize
	})
}

// noteAnchor keeps what was done to the anchor until the next Inspect.
func (s *Store) noteAnchor() {
	if s.custody.anchor.Path == "" {
		return // the store is being opened
	}
	if what := s.lookAtAnchor(); what != "" && len(s.custody.seen) < maxSeen {
		s.custody.seen = append(s.custody.seen, Touched{s.opts.AnchorPath, what})
	}
}

// leftovers reports whether another generation could not be dropped. Its files
// are the store's own, then, until the next one is.
func (s *Store) leftovers() bool {
	s.mu.RLock()
	present := s.ring.generation
	s.mu.RUnlock()
	list, err := os.ReadDir(s.opts.Dir)
	return err != nil || slices.ContainsFunc(list, func(e os.DirEntry) bool {
		g, ours := generationOf(e.Name())
		return ours && g != present
	})
}

// strangers are names in the directory that neither the store made nor the
// caller knows, and that were not there when it was opened.
func (s *Store) strangers(names []string, rewriting bool) (found []Touched) {
	list, err := os.ReadDir(s.opts.Dir)
	if err != nil {
		return []Touched{{s.opts.Dir, "can't be read: " + err.Error()}}
	}
	c := &s.custody
	for _, e := range list {
		file := e.Name()
		g, ours := generationOf(file)
		switch {
		case ours && g == s.ring.generation, c.names[file], slices.Contains(names, file):
			continue
		case ours && rewriting: // the generation before or after
			continue
		case file == fileKeyring, file == fileKeyringBackup, file == fileLock, file == fileBallast:
			continue
		}
		found = append(found, Touched{file, "was put there by somebody else"})
	}
	return found
}
