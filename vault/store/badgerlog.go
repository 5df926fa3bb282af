package store

import (
	"fmt"
	"log/slog"
	"sync/atomic"
)

// badgerLog is Badger's logger. Its INFO and DEBUG lines tell names and table
// boundaries, and are dropped.
type badgerLog struct {
	log     *slog.Logger
	onError func(error)
	first   atomic.Pointer[error]
	broken  chan struct{} // closed with the first error
}

func newBadgerLog(log *slog.Logger, onError func(error)) *badgerLog {
	return &badgerLog{log: log, onError: onError, broken: make(chan struct{})}
}

func (l *badgerLog) failure() error {
	if p := l.first.Load(); p != nil {
		return *p
	}
	return nil
}

func (l *badgerLog) Errorf(format string, args ...any) {
	err := fmt.Errorf("badger: "+format, args...)
	l.log.Error("badger reports an error", "err", err)
	if l.first.CompareAndSwap(nil, &err) {
		close(l.broken)
	}
	l.onError(err)
}

func (l *badgerLog) Warningf(format string, args ...any) {
	l.log.Warn("badger: " + fmt.Sprintf(format, args...))
}

func (l *badgerLog) Infof(string, ...any)  {}
func (l *badgerLog) Debugf(string, ...any) {}
