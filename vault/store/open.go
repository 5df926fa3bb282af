package store

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

func (o *Options) normalize() error {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if len(o.RootKey) != keySize {
		return fmt.Errorf("root key has %d bytes, want %d", len(o.RootKey), keySize)
	}
	return nil
}

// Open verifies the store in o.Dir and opens it. After an orderly Close it
// proves that every file is as it was left; after a crash it verifies the
// journal and builds Badger anew from it. Every record is opened once and
// shown to o.Visit.
//
// It returns ErrNoStore, ErrLocked, ErrPermissions, ErrNetworkFS, ErrFull,
// ErrWrongKey, ErrRolledBack, an *ErrNewer or an *ErrCorrupt. The files are as they were
// found then; only when Badger's records, though attested, don't add up to the
// journal, or Visit fails, is the attestation gone, and the next Open rebuilds.
func Open(o Options) (*Store, error) {
	if err := o.normalize(); err != nil {
		return nil, err
	}
	if err := checkDir(o.Dir); err != nil {
		return nil, err
	}
	if err := CheckFS(o.Dir); err != nil {
		return nil, err
	}
	if incomplete, err := Incomplete(o.Dir); err != nil {
		return nil, err
	} else if incomplete {
		return nil, fmt.Errorf("%w: its creation was interrupted", ErrNoStore)
	}
	if found, err := findStore(o.Dir); err != nil {
		return nil, err
	} else if !found {
		return nil, fmt.Errorf("%w: %s", ErrNoStore, o.Dir)
	}
	anchor := o.AnchorPath
	if o.AcceptRollback {
		anchor = "" // it is as good as missing then
	}
	if err := refuseNewer(o.Dir, anchor); err != nil {
		return nil, err
	}
	root, err := deriveKeys(o.RootKey, o.VaultID)
	if err != nil {
		return nil, err
	}
	s := newStore(o, root)
	if err := s.open(); err != nil {
		s.release()
		return nil, err
	}
	s.start()
	return s, nil
}

// findStore reports whether any file of a store is there.
func findStore(dir string) (bool, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range list {
		if _, ok := generationOf(e.Name()); ok || e.Name() == fileKeyring || e.Name() == fileKeyringBackup {
			return true, nil
		}
	}
	return false, nil
}

func (s *Store) open() (err error) {
	o := &s.opts
	if o.Lock == nil {
		if s.ownLock, err = LockDir(o.Dir); err != nil {
			return err
		}
	}
	ring, stale, err := loadKeyring(o.Dir, s.root, o.VaultID)
	if err != nil {
		return err
	}
	s.ring = ring
	s.sealer = newSealer(ring.keys, ring.term, o.VaultID)
	clean, err := readClean(o.Dir, s.root.clean, o.VaultID, ring.generation)
	if err != nil {
		return err
	}
	mark, err := s.loadAnchor()
	if err != nil {
		return err
	}
	var markHead chain
	w := walker{}
	if mark != nil && mark.generation == ring.generation {
		w.markAt, w.mark = mark.frames, &markHead
	}
	var at survey
	var x *index
	if clean != nil {
		at, err = s.verifyClosed(clean, w)
	} else {
		at, x, err = s.recover(w)
	}
	if err != nil {
		return err
	}
	expected := state{}
	if clean != nil {
		expected = clean.state
	} else {
		expected = x.state
	}
	if mark != nil {
		if err := s.checkAnchor(mark, expected, at, markHead); err != nil {
			if !o.AcceptRollback {
				return err
			}
			o.Log.Warn("rollback accepted", "err", err)
		}
		expected.highWater = max(expected.highWater, mark.highWater)
	}

	// Nothing has been changed on disk up to here.
	if s.room, err = newRoom(*o); err != nil {
		return err
	}
	if free, _, err := space(o.Dir); err != nil {
		return err
	} else if free < lowWater {
		if err := s.room.release(lowWater); err != nil {
			return err
		}
	}
	if stale != nil {
		if err := writeFile(o.Dir, fileKeyringBackup, stale); err != nil {
			return err
		}
	}
	if err := clearLeftovers(o.Dir, ring.generation); err != nil {
		return err
	}
	if err := removeFile(o.Dir, fileClean); err != nil {
		return fmt.Errorf("remove attestation: %w", err)
	}
	if clean == nil {
		if err := mendJournal(o.Dir, s.short, at); err != nil {
			return fmt.Errorf("complete %s: %w", s.short.file, err)
		}
		for _, file := range journalNames(ring.generation) {
			if err := renewJournal(o.Dir, file, at.end); err != nil {
				return fmt.Errorf("renew %s: %w", file, err)
			}
		}
	}
	if s.journal, err = openJournal(o.Dir, ring.generation, ring.keys, at); err != nil {
		return err
	}
	if clean != nil {
		s.engine, err = s.openEngine(ring)
	} else {
		err = s.rebuild(x, at)
	}
	if err != nil {
		return err
	}
	if s.index, err = s.scan(expected); err != nil {
		return err
	}
	s.highWater.Store(expected.highWater)
	if err := s.enrollAnchor(mark); err != nil {
		return err
	}
	return s.takeStock()
}

func (s *Store) openEngine(ring *keyring) (*engine, error) {
	dir := filepath.Join(s.opts.Dir, dbName(ring.generation))
	e, err := openEngine(dir, ring.keys.badger.Bytes(), s.opts.Log, func(err error) { s.fail(err) })
	if err != nil && isFull(err) {
		return nil, fmt.Errorf("%w: %w", ErrFull, err)
	}
	return e, err
}

// verifyClosed proves that journal and Badger directory are byte for byte what
// they were at the orderly close.
func (s *Store) verifyClosed(clean *attestation, w walker) (survey, error) {
	dir, generation := s.opts.Dir, s.ring.generation
	names := journalNames(generation)
	var at survey
	var sums []fileSum
	var g errgroup.Group
	g.Go(func() (err error) {
		if at, err = w.walk(dir, names[0]); err != nil {
			return err
		}
		if at.end != clean.length || at.size != clean.length || at.frames != clean.frames || at.head != clean.head {
			return corrupt(names[0], "changed since the store was closed (whole up to byte %d of %d)", at.end, clean.length)
		}
		return s.compareCopies(names, at.size)
	})
	g.Go(func() (err error) {
		db := dbName(generation)
		if _, err := os.Lstat(filepath.Join(dir, db)); errors.Is(err, os.ErrNotExist) {
			return corrupt(db, "missing")
		}
		if sums, err = sumFiles(filepath.Join(dir, db), false); err != nil {
			return err
		}
		return compareFiles(db, clean.files, sums)
	})
	return at, g.Wait()
}

// compareCopies requires the second copy of the journal to equal the first.
func (s *Store) compareCopies(names [2]string, size int64) error {
	info, err := os.Lstat(filepath.Join(s.opts.Dir, names[1]))
	if errors.Is(err, os.ErrNotExist) {
		return corrupt(names[1], "missing")
	}
	if err != nil {
		return err
	}
	if info.Size() != size {
		return corrupt(names[1], "%d bytes long, the other copy has %d", info.Size(), size)
	}
	diff, err := samePrefix(s.opts.Dir, names, size)
	if err != nil {
		return err
	}
	if diff >= 0 {
		return corrupt(names[1], "differs from the verified copy at byte %d", diff)
	}
	return nil
}

// scanner is what one goroutine of a scan has opened. Records go to the index
// and to Visit in batches: one lock for many.
type scanner struct {
	sum           digest
	leaves        *leafHasher
	live, deleted uint64

	buf   []byte // plaintext of batch; wiped at the end
	batch []scanned
}

type scanned struct {
	name  name
	entry entry
	rec   Record
}

// The size of a batch.
const (
	scanRecords = 128
	scanBytes   = 64 << 10
)

// scan opens every record in Badger, shows the live ones to Visit, and
// requires the whole to be exactly what the journal says.
func (s *Store) scan(expected state) (*index, error) {
	workers := max(2, min(runtime.GOMAXPROCS(0), 8))
	parts := make([]scanner, workers)
	for i := range parts {
		p := &parts[i]
		p.leaves = newLeafHasher(s.root.digest)
		p.buf, p.batch = make([]byte, 0, scanBytes), make([]scanned, 0, scanRecords)
		defer clear(p.buf[:scanBytes])
	}
	x := newIndex(newLeafHasher(s.root.digest), int(min(expected.live+expected.deleted, 1<<20)))
	var mu sync.Mutex // guards x, found and calls of Visit
	var found *state
	flush := func(p *scanner) error {
		mu.Lock()
		defer mu.Unlock()
		for i := range p.batch {
			r := &p.batch[i]
			x.set(r.name, r.entry)
			if r.entry.status != statusLive || s.opts.Visit == nil {
				continue
			}
			if err := s.opts.Visit(r.rec); err != nil {
				return err
			}
		}
		p.buf, p.batch = p.buf[:0], p.batch[:0]
		return nil
	}
	err := s.engine.scan(workers, func(w int, n name, sealed []byte) error {
		p := &parts[w]
		if len(p.batch) == scanRecords || len(p.buf)+len(sealed) > scanBytes {
			if err := flush(p); err != nil {
				return err
			}
		}
		rec, e, err := s.sealer.open(p.buf[len(p.buf):], n, sealed)
		if err != nil {
			return corrupt(dbName(s.ring.generation), "record %x: %v", n, err)
		}
		if n == stateName {
			st, err := parseStateRecord(rec, e)
			mu.Lock()
			found = &st
			mu.Unlock()
			return err
		}
		p.sum.add(p.leaves.leaf(n, e))
		if e.status == statusLive {
			p.live++
		} else {
			p.deleted++
		}
		// A record larger than the whole buffer lies elsewhere.
		p.buf = p.buf[:min(len(p.buf)+len(sealed), scanBytes)]
		p.batch = append(p.batch, scanned{n, e, rec})
		return nil
	})
	for i := range parts {
		if err == nil {
			err = flush(&parts[i])
		}
	}
	if err != nil {
		return nil, err
	}
	st := expected
	st.live, st.deleted, st.digest = 0, 0, digest{}
	for _, p := range parts {
		st.live += p.live
		st.deleted += p.deleted
		st.digest.add(p.sum)
	}
	if st != expected {
		return nil, corrupt(dbName(s.ring.generation), "%d live and %d deleted records instead of %d and %d, or a wrong digest",
			st.live, st.deleted, expected.live, expected.deleted)
	}
	if found == nil || found.seq != expected.seq || found.digest != expected.digest {
		return nil, corrupt(dbName(s.ring.generation), "state record is missing or of another commit")
	}
	x.state = expected
	return x, nil
}

// stateRecord is Badger's own copy of the state: a sealed record whose body is
// the state.
func (s *sealer) stateRecord(st state) op {
	return op{stateName, s.seal(nil, stateName, statusState, 1, st.seq, ID{Path: "state"}, st.append(nil))}
}

func parseStateRecord(rec Record, e entry) (state, error) {
	if e.status != statusState || !bytes.Equal([]byte(rec.Path), []byte("state")) {
		return state{}, errors.New("state record is malformed")
	}
	return parseState(rec.Body)
}
