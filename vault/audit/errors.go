package audit

import (
	"errors"
	"fmt"
)

// Errors of the log. All are wrapped with what was being done and the cause.
var (
	// ErrUnavailable: the record could not be written, and what it is about
	// must not happen. The log tries again with every further record.
	ErrUnavailable = errors.New("the audit log can't be written")
	// ErrTampered: the log is not what was written.
	ErrTampered = errors.New("the audit log was tampered with")
	// ErrClosed: the log was closed.
	ErrClosed = errors.New("the audit log is closed")
	// ErrLocked: another process has the log open.
	ErrLocked = errors.New("the audit log is in use by another process")
	// ErrMalformed: a line, checkpoint or proof is not one that this package writes.
	ErrMalformed = errors.New("malformed")
	// ErrNotCovered: the record is not under a checkpoint yet.
	ErrNotCovered = errors.New("no signed checkpoint covers the record yet")
)

// Problem is one thing that is wrong with a log.
type Problem struct {
	Seq   int64  // the first record that it concerns, or -1 when it concerns none
	What  string // for people
	Where string // file, relative to the log's directory; empty when unknown
}

// Error makes a Problem an error that is ErrTampered.
func (p Problem) Error() string {
	where := p.Where
	if where != "" {
		where += ": "
	}
	if p.Seq < 0 {
		return fmt.Sprintf("%v: %s%s", ErrTampered, where, p.What)
	}
	return fmt.Sprintf("%v: %srecord %d: %s", ErrTampered, where, p.Seq, p.What)
}

// Is reports whether target is ErrTampered.
func (p Problem) Is(target error) bool { return target == ErrTampered }

func unavailable(err error) error { return fmt.Errorf("%w: %w", ErrUnavailable, err) }
