package audit

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// openSegment opens a segment for appending at byte size.
func (l *Log) openSegment(s segment, size int64) error {
	f, err := os.OpenFile(filepath.Join(l.dir, s.name), os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return l.useSegment(f, s.first, size)
}

// beginSegment makes the segment that begins with the next record.
func (l *Log) beginSegment() error {
	path := filepath.Join(l.dir, segmentName(l.edge.size))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrExist) {
		// Nobody else makes files here; it stands in the way on purpose.
		if err = l.evict(path); err == nil {
			l.report(Problem{l.edge.size, "a file of this name was there before its first record", filepath.Base(path)})
			f, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		}
	}
	if err != nil {
		return fmt.Errorf("begin a segment: %w", err)
	}
	if err := syncDir(l.dir); err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return l.useSegment(f, l.edge.size, 0)
}

func (l *Log) useSegment(f *os.File, first, size int64) error {
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.seg, l.segInfo, l.segFirst, l.segSize, l.segDirty = f, info, first, size, false
	l.segCached = cached{from: size}
	l.segmentStart.Store(first)
	return nil
}

// rotate ends the segment and begins the next. All hashes of what lies before
// are durable first, so that opening the log never needs more than the last
// segment. If that can't be done now, the segment grows on.
func (l *Log) rotate() {
	if err := l.checkpointed(); err != nil {
		l.opts.Log.Warn("audit log: can't end a segment now", "err", err)
		return
	}
	old, done := l.seg, segment{first: l.segFirst, name: segmentName(l.segFirst)}
	if err := l.beginSegment(); err != nil {
		l.opts.Log.Warn("audit log: can't begin a segment now", "err", err)
		return
	}
	if err := old.Close(); err != nil {
		l.opts.Log.Warn("audit log: close a segment", "err", err)
	}
	l.offerCompressing(done)
}

// startCompressing compresses the segments that are complete, if asked to,
// and those that will be.
func (l *Log) startCompressing() {
	if !l.opts.Compress {
		return
	}
	segments, err := listSegments(l.dir)
	if err != nil {
		return // the next Open tries again
	}
	l.compress = make(chan segment, len(segments)+16)
	for _, s := range segments {
		if !s.gz && s.first != l.segFirst {
			l.compress <- s
		}
	}
	l.work.Add(1)
	go func() {
		defer l.work.Done()
		for {
			select {
			case <-l.stop:
				return
			case s := <-l.compress:
				if err := compressSegment(l.dir, s, l.stop); err != nil {
					l.opts.Log.Warn("audit log: compress "+s.name, "err", err)
				}
			}
		}
	}()
}

// offerCompressing never waits: what finds no room is done after the next Open.
func (l *Log) offerCompressing(s segment) {
	select {
	case l.compress <- s: // nil when nothing is compressed
	default:
	}
}

// compressSegment replaces a segment by a gzip file of the same bytes, which
// is complete and durable before the segment goes.
func compressSegment(dir string, s segment, stop <-chan struct{}) error {
	in, err := os.Open(filepath.Join(dir, s.name))
	if err != nil {
		return err
	}
	defer in.Close()
	path := filepath.Join(dir, s.name+compressedSuffix)
	f, err := os.OpenFile(path+tempSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	z := gzip.NewWriter(f)
	_, err = io.Copy(z, stoppable{in, stop})
	if err = errors.Join(err, z.Close()); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		if err = errors.Join(os.Rename(path+tempSuffix, path), syncDir(dir)); err == nil {
			return os.Remove(filepath.Join(dir, s.name))
		}
	}
	return errors.Join(err, os.Remove(path+tempSuffix))
}

// stoppable is a reader that ends with an error when stop is closed.
type stoppable struct {
	r    io.Reader
	stop <-chan struct{}
}

func (s stoppable) Read(p []byte) (int, error) {
	select {
	case <-s.stop:
		return 0, ErrClosed
	default:
		return s.r.Read(p)
	}
}
