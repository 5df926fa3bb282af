package audit

import (
	"context"
	"errors"
	"iter"
	"math"
	"time"
)

// Filter chooses records. Its zero value chooses all.
type Filter struct {
	From   int64     // first sequence number
	Since  time.Time // no record older than this
	Owner  string
	Action string
	Denied bool // only refused requests
}

func (f *Filter) matches(r *Record) bool {
	return r.Seq >= f.From &&
		(f.Since.IsZero() || !r.Time.Before(f.Since)) &&
		(f.Owner == "" || r.Owner == f.Owner) &&
		(f.Action == "" || r.Action == f.Action) &&
		(!f.Denied || r.Outcome == Denied)
}

// Entry is a record and the very line that it stands in, without newline.
type Entry struct {
	Record
	Line []byte // valid until the next entry
}

// Read returns the records of the log in dir that f chooses, in order, from
// plain and compressed segments. A line that is no record is an error with its
// place, and reading goes on behind it; any other error is the last.
func Read(dir string, f Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		readUpTo(dir, f, math.MaxInt64, yield)
	}
}

// Read is Read for an open log: it ends with the last durable record.
func (l *Log) Read(f Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		readUpTo(l.dir, f, l.committed.Load(), yield)
	}
}

// Follow is Read that waits for further records until ctx ends, which is its
// last error, or the log is closed.
func (l *Log) Follow(ctx context.Context, f Filter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for {
			l.mu.Lock()
			progress, closed := l.nextProgress(), l.closed
			l.mu.Unlock()
			if to := l.committed.Load(); to > f.From {
				if !readUpTo(l.dir, f, to, yield) {
					return
				}
				f.From = to
			}
			if closed {
				return
			}
			select {
			case <-progress:
			case <-l.stop:
				// Once more: closing may have written records.
			case <-ctx.Done():
				yield(Entry{}, ctx.Err())
				return
			}
		}
	}
}

var errEnough = errors.New("enough")

// readUpTo reports whether more is wanted.
func readUpTo(dir string, f Filter, to int64, yield func(Entry, error) bool) (more bool) {
	segments, err := listSegments(dir)
	if err != nil {
		yield(Entry{}, err)
		return false
	}
	for i, s := range segments {
		if s.first >= to || i+1 < len(segments) && segments[i+1].first <= f.From {
			continue
		}
		at := s.first
		err := eachLine(dir, s, func(_ int64, line []byte) error {
			seq := at
			at++
			if seq < f.From || seq >= to {
				return nil
			}
			r, err := Decode(line)
			if err != nil {
				if !yield(Entry{Record: Record{Seq: seq}, Line: line}, Problem{seq, err.Error(), s.name}) {
					return errEnough
				}
				return nil
			}
			if f.matches(&r) && !yield(Entry{r, line}, nil) {
				return errEnough
			}
			return nil
		})
		if errors.Is(err, errEnough) {
			return false
		}
		if err != nil {
			yield(Entry{}, err)
			return false
		}
	}
	return true
}
