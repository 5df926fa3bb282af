package render

import (
	"fmt"
	"sync"
	"time"
)

// patience is how long something takes in silence.
const patience = time.Second

// Progress shows on a terminal that something is still going on, once it has
// taken more than a second. The returned function ends it and clears the line;
// it may be called more than once.
func (p *Printer) Progress(what string) (stop func()) {
	if p.Quiet || p.JSON || !IsTerminal(p.Err) {
		return func() {}
	}
	return p.progress(func() string { return what })
}

// ProgressOf is Progress of something that says how far it is each time it is
// asked, from another goroutine.
func (p *Printer) ProgressOf(what func() string) (stop func()) {
	if p.Quiet || p.JSON || !IsTerminal(p.Err) {
		return func() {}
	}
	return p.progress(what)
}

func (p *Printer) progress(what func() string) (stop func()) {
	start := p.Now()
	return p.show(func() string { return fmt.Sprintf("%s (%ds)", what(), int(p.Now().Sub(start).Seconds())) })
}

// show writes a line again each second, after the first, until it is stopped.
func (p *Printer) show(line func() string) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		wait := time.NewTimer(patience)
		defer wait.Stop()
		shown := false
		for {
			select {
			case <-quit:
				if shown {
					fmt.Fprint(p.Err, "\r\x1b[K")
				}
				return
			case <-wait.C:
				shown = true
				fmt.Fprint(p.Err, "\r\x1b[K"+line())
				wait.Reset(patience)
			}
		}
	}()
	var once sync.Once
	return func() {
		once.Do(func() {
			close(quit)
			<-done
		})
	}
}
