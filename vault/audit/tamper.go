package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// ActionTampered is the action of records that the log writes about itself.
const ActionTampered = "audit.tampered"

// ActionFilesTampered is the action of records about other files of the daemon
// that somebody else touched.
const ActionFilesTampered = "vault.tampered"

// inspect looks, with files held, whether the files being written are still
// the ones with their names. It costs two system calls, and comes before
// every write: a log that goes into a file without a name is lost. It returns
// an error when there is no file to write to.
func (l *Log) inspect() error {
	if what := changed(l.hashes.path, l.hashes.info, l.hashes.written, false); what != "" {
		l.restoreHashes(what)
	}
	if l.seg == nil || l.segDirty {
		return nil
	}
	path := filepath.Join(l.dir, segmentName(l.segFirst))
	if what := changed(path, l.segInfo, l.segSize, true); what != "" {
		return l.replaceSegment(path, what)
	}
	return nil
}

// Inspect looks now whether the files being written are still the ones with
// their names, as every write does. What it finds is a problem in Status and a
// record. It does not wait for a write that runs.
func (l *Log) Inspect() {
	if !l.files.TryLock() {
		return
	}
	defer l.files.Unlock()
	if !l.isClosed() {
		_ = l.inspect() // the next write says it again, to who is concerned
	}
}

// changed says what happened to a file, or nothing. A segment has exactly the
// size it was written to; the hash file at least.
func changed(path string, was os.FileInfo, size int64, exact bool) string {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "was deleted while it was being written"
	case err != nil:
		return "can't be reached by its name any more"
	case !os.SameFile(was, info):
		return "was replaced while it was being written"
	case info.Size() < size:
		return "was cut off while it was being written"
	case exact && info.Size() > size:
		return fmt.Sprintf("got %d bytes from somebody else", info.Size()-size)
	}
	return ""
}

// replaceSegment goes on in a new segment. What the old one held is put back
// under its name as far as the open file still has it, and what took its place
// is kept beside it.
func (l *Log) replaceSegment(path, what string) error {
	p := Problem{l.segFirst, what, filepath.Base(path)}
	if err := l.putBack(path, l.seg, l.segSize); err != nil {
		p.What += "; it could not be put back: " + err.Error()
	}
	if err := l.newSegment(); err != nil {
		// This comes again with every record, and is one problem.
		l.reportOnce(p)
		return fmt.Errorf("%w: %s %s: %w", ErrTampered, p.Where, what, err)
	}
	l.report(p)
	l.note(p)
	return nil
}

// newSegment begins a segment with the next record. When the present one has
// no records, then it is the one to be made.
func (l *Log) newSegment() error {
	old := l.seg
	if l.segFirst == l.edge.size {
		if err := os.Remove(filepath.Join(l.dir, segmentName(l.segFirst))); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if err := l.beginSegment(); err != nil {
		return err
	}
	return old.Close()
}

// putBack makes the first n bytes of an open file the file at path. A stranger
// that is there is renamed.
func (l *Log) putBack(path string, f *os.File, n int64) error {
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	own, err := f.Stat()
	if err != nil {
		return err
	}
	n = min(n, own.Size())
	if err := l.evict(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return copyTo(path, f, n)
}

// evict gives what is at path another name. Nothing is ever deleted that
// might tell who put it there.
func (l *Log) evict(path string) error {
	foreign := fmt.Sprintf("foreign-%d-%s", time.Now().UnixNano(), filepath.Base(path))
	return os.Rename(path, filepath.Join(l.dir, foreign))
}

// restoreHashes puts the hash file back. If it lost bytes, it is computed again.
func (l *Log) restoreHashes(what string) {
	p := Problem{-1, what, hashesName}
	if err := l.recoverHashes(); err != nil {
		p.What += "; it could not be put back: " + err.Error()
		l.reportOnce(p)
		return
	}
	l.report(p)
	l.note(p)
}

func (l *Log) recoverHashes() error {
	info, err := l.hashes.f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < l.hashes.written {
		segments, err := listSegments(l.dir)
		if err != nil {
			return err
		}
		// The open segment may be ahead of the tree by a write that failed.
		if l.seg != nil {
			if err := l.repairTail(); err != nil {
				return err
			}
		}
		n, err := l.rebuild(segments, 0)
		if err == nil && n != l.edge.size {
			err = fmt.Errorf("only the first %d of %d records are there to compute it from", n, l.edge.size)
		}
		return err
	}
	if err := l.putBack(l.hashes.path, l.hashes.f, l.hashes.written); err != nil {
		return err
	}
	old := l.hashes.f
	if err := l.hashes.open(0); err != nil {
		l.hashes.f = old
		return err
	}
	return old.Close()
}

// reportOnce reports a problem and records it, unless it is known.
func (l *Log) reportOnce(p Problem) {
	l.mu.Lock()
	for _, known := range l.problems {
		if known.Where == p.Where && known.What == p.What {
			l.mu.Unlock()
			return
		}
	}
	l.mu.Unlock()
	l.report(p)
	l.note(p)
}

// note puts a record about a problem among those that wait.
func (l *Log) note(p Problem) {
	r := Record{
		Time: l.now(), Action: ActionTampered, Outcome: Failed, Code: "audit_tampered",
		Principal: Self(),
		Extra:     []Field{{"what", p.What}, {"where", p.Where}, {"first_bad_seq", strconv.FormatInt(p.Seq, 10)}},
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending.add(&r, nil, false)
	l.unsynced++
	signal(l.kick)
}

// CheckHead compares the log with a head that was kept elsewhere, such as in
// the vault's sealed store. It returns a Problem, which is ErrTampered, when
// the log is shorter or has other records: its end was cut off, or all of it
// was rolled back or replaced. It is also in Status and in a record.
func (l *Log) CheckHead(kept Head) error {
	l.files.Lock()
	defer l.files.Unlock()
	if l.isClosed() {
		return ErrClosed
	}
	if kept.Size == 0 {
		return nil
	}
	p := Problem{-1, "", ""}
	if kept.Size > l.edge.size {
		p.Seq, p.What = l.edge.size, fmt.Sprintf("the log ends here, but it had %d records: its end was cut off or it was rolled back", kept.Size)
	} else {
		root, err := rootAt(kept.Size, l.hashes)
		if err != nil {
			return fmt.Errorf("compare the audit log with a kept head: %w", err)
		}
		if root == kept.Root {
			return nil
		}
		p.Seq, p.What = 0, fmt.Sprintf("the first %d records are not those that were written", kept.Size)
	}
	l.reportOnce(p)
	return p
}
