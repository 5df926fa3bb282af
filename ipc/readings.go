package ipc

import (
	"crypto/rand"
	"sync"
	"time"

	"github.com/vaultd/vaultd/vault/fault"
)

// readingIdle is how long a backup or check is kept that nobody goes on with.
const readingIdle = 5 * time.Minute

// readings keeps the backup or the check that goes on from call to call. There is
// one at a time, which the vault sees to.
type readings struct {
	mu      sync.Mutex // guards what follows
	current *reading
	idle    time.Duration // zero is readingIdle
}

// reading is one backup or check.
type reading struct {
	id    string
	uid   uint32
	what  interface{ Close() }
	timer *time.Timer

	busy   sync.Mutex // held by the call that goes on with it; guards what follows
	offset uint64
}

// errNoReading says that it is over, or was never begun.
var errNoReading = fault.E(fault.CodeBadArgument, "there is no such backup or check under way").
	WithHint("it is given up when nobody goes on with it for some minutes, when its connection ends, and when the vault is sealed: begin again")

// begin keeps a reading of the caller, who goes on with it by its id. It ends
// with the caller's connection, in the frame form.
func (l *readings) begin(c *call, what interface{ Close() }) string {
	r := &reading{id: rand.Text(), uid: c.who.UID, what: what}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current != nil { // the vault has ended it
		l.current.timer.Stop()
		l.current.what.Close()
	}
	r.timer = time.AfterFunc(l.patience(), func() { l.end(r) })
	l.current = r
	if c.form == FormFrames {
		c.closing = func() { l.end(r) }
	}
	return r.id
}

// goOn finds a reading. The caller gives it back by rest.
func (l *readings) goOn(c *call, id string) (*reading, error) {
	l.mu.Lock()
	r := l.current
	l.mu.Unlock()
	if r == nil || r.id != id || r.uid != c.who.UID {
		return nil, errNoReading
	}
	if !r.busy.TryLock() {
		return nil, fault.E(fault.CodeBusy, "another request goes on with this already")
	}
	r.timer.Stop()
	return r, nil
}

// rest waits for the next call.
func (l *readings) rest(r *reading) {
	defer r.busy.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == r {
		r.timer.Reset(l.patience())
	}
}

// patience is how long a reading rests. The caller holds mu.
func (l *readings) patience() time.Duration {
	if l.idle == 0 {
		return readingIdle
	}
	return l.idle
}

// end gives a reading up, be it done. A second end does nothing.
func (l *readings) end(r *reading) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current != r {
		return
	}
	l.current = nil
	r.timer.Stop()
	r.what.Close()
}

// close ends what is under way.
func (l *readings) close() {
	l.mu.Lock()
	r := l.current
	l.mu.Unlock()
	if r != nil {
		l.end(r)
	}
}
