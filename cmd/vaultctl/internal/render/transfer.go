package render

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// Transfer shows on a terminal how far a stream has come.
type Transfer struct {
	done  atomic.Uint64
	begin func() (stop func()) // nil when begun, or when there is nothing to show
	stop  func()
}

// header is how much passes unseen: until then a key is asked for, which has a
// progress of its own and may wait for people.
const header = 64 << 10

// Transfer shows progress, once it has taken more than a second. The total in
// bytes is zero when nobody knows it. Its methods are for one goroutine.
func (p *Printer) Transfer(what string, total uint64) *Transfer {
	t := &Transfer{stop: func() {}}
	if p.Quiet || p.JSON || !IsTerminal(p.Err) {
		return t
	}
	t.begin = func() func() {
		start := p.Now()
		return p.show(func() string { return transferLine(what, t.done.Load(), total, p.Now().Sub(start)) })
	}
	return t
}

// Write counts what passes by.
func (t *Transfer) Write(b []byte) (int, error) {
	if t.done.Add(uint64(len(b))) > header && t.begin != nil {
		t.stop, t.begin = t.begin(), nil
	}
	return len(b), nil
}

// Stop clears the line. It may be called more than once.
func (t *Transfer) Stop() { t.stop() }

const barWidth = 20

func transferLine(what string, done, total uint64, since time.Duration) string {
	speed := float64(done) / max(since.Seconds(), 0.001)
	if total == 0 || done > total { // a file may grow while it is read
		return fmt.Sprintf("%s %s, %s/s", what, Size(done), Size(uint64(speed)))
	}
	full := int(float64(done) / float64(total) * barWidth)
	line := fmt.Sprintf("%s [%s%s] %d%% of %s, %s/s", what, strings.Repeat("=", full), strings.Repeat(" ", barWidth-full),
		int(float64(done)/float64(total)*100), Size(total), Size(uint64(speed)))
	if speed >= 1 {
		line += fmt.Sprintf(", %ds left", int(float64(total-done)/speed+0.5))
	}
	return line
}
