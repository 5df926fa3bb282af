package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/vaultd/vaultd/internal/perm"
)

// Open opens the log in dir, which is made if it is not there, and makes it
// ready for records. What an interrupted write left is cut off: it was never
// acknowledged. Anything else that is not as it was written does not keep the
// log from being opened, since a log that refuses to log helps whoever damaged
// it: it is in Status().Problems, and a record says so.
//
// Errors are ErrLocked, and those of directories that can't be used.
func Open(dir string, o Options) (*Log, error) {
	o = o.withDefaults()
	_ = Self() // asks the account database, which may be slow, where nobody waits for it
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the audit directory: %w", err)
	}
	if err := perm.Private(dir); err != nil {
		return nil, fmt.Errorf("audit directory: %w", err)
	}
	l := &Log{
		dir: dir, opts: o, now: o.Now, leaf: newLeafHasher(),
		kick: make(chan struct{}, 1), arm: make(chan struct{}, 1), stop: make(chan struct{}),
		pending: &batch{}, spare: &batch{},
		reserve: reserve{path: filepath.Join(dir, reserveName), size: o.Reserve},
	}
	if err := l.acquire(); err != nil {
		return nil, err
	}
	if err := l.recover(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the audit log in %s: %w", dir, err), l.closeFiles())
	}
	l.head = l.edge.head()
	l.committed.Store(l.head.Size)
	for _, s := range o.Sinks {
		l.sinks = append(l.sinks, newSink(s, o))
	}
	for _, p := range l.Status().Problems {
		l.note(p)
	}
	if o.ExpectHead != nil {
		// What is wrong is in Status, as everything else that Open finds.
		_ = l.CheckHead(*o.ExpectHead)
	}
	l.files.Lock()
	l.commit()
	l.files.Unlock()
	l.startCompressing()
	l.work.Add(1)
	go l.run()
	return l, nil
}

// acquire takes the directory's lock and removes what replaceFile left.
func (l *Log) acquire() error {
	f, err := os.OpenFile(filepath.Join(l.dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock the audit directory: %w", err)
	}
	if err := lockFile(f); err != nil {
		return errors.Join(fmt.Errorf("lock %s: %w", l.dir, err), f.Close())
	}
	l.lock = f
	temps, err := filepath.Glob(filepath.Join(l.dir, "*"+tempSuffix))
	for _, temp := range temps {
		err = errors.Join(err, os.Remove(temp))
	}
	if info, serr := os.Stat(l.reserve.path); serr == nil {
		l.reserve.held = min(info.Size(), l.reserve.size)
	}
	return err
}

// recover finds where the log ends and opens it there.
func (l *Log) recover() error {
	segments, err := listSegments(l.dir)
	if err != nil {
		return err
	}
	if l.hashes, err = openHashFile(l.dir); err != nil {
		return err
	}
	trusted, err := l.trust(segments)
	if err != nil {
		return err
	}
	for len(segments) > 0 {
		last := segments[len(segments)-1]
		if last.first <= trusted && !last.gz {
			return l.replay(last, trusted)
		}
		// The end of the tree can't be computed from the last segment alone.
		if trusted, err = l.rebuild(segments, trusted); err != nil {
			return err
		}
		if last.first <= trusted {
			if last.gz {
				break // complete; the next record begins a segment
			}
			continue
		}
		l.report(Problem{trusted, "nothing leads from the record before to this segment; it was set aside", last.name})
		if err := l.evict(filepath.Join(l.dir, last.name)); err != nil {
			return err
		}
		segments = segments[:len(segments)-1]
	}
	if len(segments) == 0 && trusted > 0 {
		l.report(Problem{0, fmt.Sprintf("records 0 to %d are gone", trusted-1), segmentName(0)})
	}
	return l.continueAt(trusted, 0, nil)
}

// heads returns what checkpoints and state say, the largest first. Signatures
// are not looked at: there is no key yet, and who could forge a head to make
// trouble here could as well destroy the log.
func (l *Log) heads() (heads []Head) {
	if data, err := readSmall(filepath.Join(l.dir, stateName), maxNote); err == nil {
		if _, h, err := parseHead(string(data)); err == nil {
			heads = append(heads, h)
			l.state = h
		} else {
			l.report(Problem{-1, err.Error(), stateName})
		}
	}
	newest, history, torn, problems := readCheckpoints(l.dir)
	for _, p := range problems {
		l.report(p)
	}
	if torn > 0 {
		l.cutHistory(torn)
	}
	if len(history) > 0 {
		if last := history[len(history)-1]; last.Size > newest.Size || newest.Note == nil {
			newest = last
		}
		for _, c := range history[max(0, len(history)-3):] {
			heads = append(heads, c.Head)
		}
	}
	if newest.Note != nil {
		l.newest = newest
		heads = append(heads, newest.Head)
	}
	slices.SortFunc(heads, func(a, b Head) int { return int(min(1, max(-1, b.Size-a.Size))) })
	return slices.Compact(heads)
}

func (l *Log) cutHistory(torn int64) {
	path := filepath.Join(l.dir, historyName)
	info, err := os.Stat(path)
	if err == nil {
		err = os.Truncate(path, info.Size()-torn)
	}
	if err != nil {
		l.opts.Log.Warn("audit log: cut off an incomplete checkpoint", "err", err)
	}
}

// trust returns up to which record the hash file is known to be right.
func (l *Log) trust(segments []segment) (int64, error) {
	heads := l.heads()
	if len(heads) == 0 {
		return 0, nil
	}
	trusted := l.confirmed(heads)
	if trusted == heads[0].Size {
		return trusted, nil
	}
	// The hash file is not what it was at the newest head; perhaps the records are.
	rebuilt, err := l.rebuild(segments, trusted)
	if err != nil {
		return 0, err
	}
	if rebuilt > trusted || rebuilt >= heads[0].Size {
		trusted = min(rebuilt, max(trusted, l.confirmed(heads)))
	}
	if trusted == heads[0].Size {
		l.report(Problem{-1, "was damaged and is computed again from the records", hashesName})
	} else {
		l.report(Problem{trusted, fmt.Sprintf("the records from here on do not lead to the checkpoint for %d records", heads[0].Size), newestName})
	}
	return trusted, nil
}

// confirmed is the size of the largest head that the hash file leads to.
func (l *Log) confirmed(heads []Head) int64 {
	have := storedLeaves(l.hashes.written)
	for _, h := range heads {
		if h.Size > have {
			continue
		}
		if root, err := rootAt(h.Size, l.hashes); err == nil && root == h.Root {
			return h.Size
		}
	}
	return 0
}

// replay brings the tree from what is trusted to the end of the last segment.
func (l *Log) replay(last segment, trusted int64) error {
	f, err := os.OpenFile(filepath.Join(l.dir, last.name), os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	edge, err := loadFrontier(trusted, storedHashes{l.hashes})
	if err != nil {
		return err
	}
	if err := l.hashes.cut(hashBytes(trusted)); err != nil {
		return err
	}
	next, end, bad := last.first, int64(0), int64(-1)
	torn, err := lines(f, func(at int64, line []byte) error {
		switch {
		case bad >= 0: // what follows a bad line at the end is set aside with it
		case next < trusted:
			l.compare(last, next, trusted, line)
		default:
			if r, err := Decode(line); err != nil || r.Seq != next {
				bad = next
				return nil
			}
			l.hashes.rest = edge.add(l.leaf.sum(line), l.hashes.rest)
		}
		if bad < 0 {
			next, end = next+1, at+int64(len(line))+1
		}
		return nil
	})
	if err != nil {
		return err
	}
	if bad >= 0 {
		aside := fmt.Sprintf("unreadable-%020d-%d", bad, l.now().UnixNano())
		if err := l.setAside(f, end, aside); err != nil {
			return err
		}
		l.report(Problem{bad, "the lines from here on are not records; they were moved to " + aside, last.name})
	} else {
		l.recovered = torn
	}
	if err := f.Truncate(end); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	l.edge = edge
	if next < trusted {
		l.report(Problem{next, fmt.Sprintf("records %d to %d are gone", next, trusted-1), last.name})
		return l.continueAt(trusted, 0, nil)
	}
	return l.continueAt(edge.size, end, &last)
}

// compare checks a line of the last segment against its trusted hash. When
// they differ, the tree above tells which of the two is wrong.
func (l *Log) compare(s segment, seq, trusted int64, line []byte) {
	reader, own := storedHashes{l.hashes}, l.leaf.sum(line)
	stored, err := reader.ReadHashes([]int64{leafIndex(seq)})
	if err == nil && stored[0] == own {
		return
	}
	path, err := tlog.ProveRecord(trusted, seq, reader)
	if err == nil {
		var root tlog.Hash
		if root, err = rootAt(trusted, l.hashes); err == nil {
			err = tlog.CheckRecord(path, trusted, root, seq, own)
		}
	}
	if err != nil {
		l.report(Problem{seq, "is not the record that was written", s.name})
		return
	}
	l.report(Problem{-1, fmt.Sprintf("the hash of record %d was damaged and is computed again", seq), hashesName})
	if _, err := l.hashes.f.WriteAt(own[:], leafIndex(seq)*tlog.HashSize); err != nil {
		l.opts.Log.Warn("audit log: repair "+hashesName, "err", err)
	}
	l.hashes.unsaved = true
}

// setAside copies what is in f from byte at on to a file beside it.
func (l *Log) setAside(f *os.File, at int64, name string) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return copyTo(filepath.Join(l.dir, name), offsetReader{f, at}, info.Size()-at)
}

type offsetReader struct {
	f  *os.File
	at int64
}

func (o offsetReader) ReadAt(p []byte, off int64) (int, error) { return o.f.ReadAt(p, off+o.at) }

// continueAt makes record n the next one: in segment s, or in a new one when
// s is nil, which the first write makes.
func (l *Log) continueAt(n, size int64, s *segment) (err error) {
	if l.edge.size != n {
		if l.edge, err = loadFrontier(n, storedHashes{l.hashes}); err != nil {
			return err
		}
	}
	// On a full disk hashes wait, and the log is open for urgent records.
	if err := l.hashes.flush(); err != nil {
		l.opts.Log.Warn("audit log: hashes wait to be written", "err", err)
	} else if err := l.hashes.cut(hashBytes(n)); err != nil {
		return err
	}
	l.segFirst = n
	l.segmentStart.Store(n)
	if s == nil || s.gz {
		return nil
	}
	return l.openSegment(*s, size)
}

// PublicKey is the verifier key in a log's directory, or empty.
func PublicKey(dir string) string {
	data, err := readSmall(filepath.Join(dir, publicName), maxNote)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
