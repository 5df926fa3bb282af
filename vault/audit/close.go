package audit

import (
	"errors"
	"fmt"
)

// Close writes what waits, signs it if there is a key, and closes the log. It
// returns why the last records could not be written, if so.
func (l *Log) Close() error {
	l.files.Lock()
	if l.isClosed() {
		l.files.Unlock()
		return nil
	}
	again := l.commit()
	l.mu.Lock()
	l.closed = true
	l.failing.Store(true)
	lost, cause := l.unsynced, l.cause
	l.mu.Unlock()
	if again || lost > 0 {
		l.commit() // what came between
		l.mu.Lock()
		lost, cause = l.unsynced, l.cause
		l.mu.Unlock()
	}
	err := l.lastCheckpoint()
	l.dropSigner()
	close(l.stop)
	l.files.Unlock()
	l.work.Wait()
	for _, s := range l.sinks {
		s.close()
	}
	if lost > 0 {
		err = errors.Join(err, unavailable(fmt.Errorf("%d records are lost: %w", lost, cause)))
	}
	return errors.Join(err, l.closeFiles())
}

func (l *Log) closeFiles() error {
	var errs []error
	if l.seg != nil {
		errs = append(errs, l.seg.Close())
	}
	if l.hashes != nil && l.hashes.f != nil {
		errs = append(errs, l.hashes.f.Close())
	}
	return errors.Join(append(errs, l.lock.Close())...)
}
