package audit

// Failing is why records can't be written now, nil when they can. It is cheaper
// than Status, and meant for being asked before every request.
func (l *Log) Failing() error {
	if !l.failing.Load() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return unavailable(ErrClosed)
	}
	if l.cause != nil {
		return unavailable(l.cause)
	}
	return nil
}
