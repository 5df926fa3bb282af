package logind

import (
	"context"
	"sync"
	"time"
)

// Events is what to listen for, and who is told. The functions are called one after
// the other; those that are nil are not listened for.
type Events struct {
	UID uint32 // whose sessions Logout and Lock are about

	// Sleep is called before the machine goes to sleep, which waits until it
	// returns, but no longer than logind allows: InhibitDelayMaxSec=, 5 seconds
	// unless it is configured.
	Sleep func()
	// Logout is called when the user has no session any more that has not ended,
	// whatever goes on running for the user.
	Logout func()
	// Lock is called when a session of the user is locked, or asked to be.
	Lock func()
	// Health is told why nothing can be heard, or not all, and nil once it can.
	// It is told everything that is news, and the beginning.
	Health func(error)
}

const (
	// callTime bounds every question to the bus and to logind.
	callTime = 5 * time.Second
	// lookEvery is how often it is asked whether the user has sessions: of one
	// that ends while programs in it go on, no signal tells.
	lookEvery = 10 * time.Second
	// retryFirst and retryLast are the pauses before another try.
	retryFirst, retryLast = time.Second, time.Minute
)

// Watcher listens until it is closed.
type Watcher struct {
	events Events
	stop   context.CancelFunc
	done   sync.WaitGroup

	told string   // what Health was told, with a mark before it
	last presence // of the user, the last that was known; kept over connections
}

// presence is whether the user has a session.
type presence uint8

const (
	unknown presence = iota
	present
	absent
)

// Watch begins to listen.
func Watch(e Events) *Watcher {
	w := &Watcher{events: e}
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	w.done.Go(func() { w.run(ctx) })
	return w
}

// Close ends listening, and waits for a function that runs.
func (w *Watcher) Close() {
	w.stop()
	w.done.Wait()
}

// run listens, again and again: the bus and logind may come later, or be restarted.
func (w *Watcher) run(ctx context.Context) {
	pause := retryFirst
	for {
		began := time.Now()
		err := w.listen(ctx)
		if ctx.Err() != nil {
			return
		}
		w.health(err)
		if time.Since(began) > retryLast {
			pause = retryFirst
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, retryLast)
	}
}

func (w *Watcher) health(err error) {
	told := "+"
	if err != nil {
		told = "-" + err.Error()
	}
	if told != w.told {
		w.told = told
		w.events.Health(err)
	}
}
