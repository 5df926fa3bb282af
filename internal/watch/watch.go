package watch

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

// The pace. Longest is what bounds the delay while changes keep coming.
const (
	longestFactor = 5                      // of debounce
	longest       = time.Second            // at most
	fastPoll      = 400 * time.Millisecond // while something can't be watched
	slowPoll      = 30 * time.Second       // beside the watches: some file systems tell nothing
	firstRetry    = 500 * time.Millisecond // to watch what could not be watched
	lastRetry     = time.Minute
)

// Watcher watches until it is closed.
type Watcher struct {
	paths    []string
	debounce time.Duration
	onChange func()
	open     func() (*fsnotify.Watcher, error)

	stop context.CancelFunc
	done sync.WaitGroup

	mu    sync.Mutex // guards state
	state State

	// What follows belongs to the goroutine.
	notify   *fsnotify.Watcher // nil while there is none
	watched  map[string]string // identities of the watched directories, by path
	scope    scope
	seen     []byte    // what the paths looked like when onChange was last called
	forced   bool      // an event was about the paths themselves: call, whatever it looks like
	since    time.Time // of the first event not yet answered; zero for none
	fire     time.Time // when to answer
	poll     time.Time // when to look without an event
	retry    time.Time // when to try again to watch; zero for not
	retrying time.Duration
}

// State says how a Watcher works now.
type State struct {
	Polling bool  // something can't be watched, and is looked at instead
	Err     error // why
}

// New watches paths, files or directories that need not exist yet, and calls
// onChange once for every burst of changes: debounce after its last one, 100 to
// 250 ms being good values, and at least once a second while changes go on. A
// change of permissions is one, and so is one of the directories and symbolic
// links that lead to a path.
//
// New returns when it watches, so that what is read afterwards is not missed.
// Calls of onChange come from one goroutine, one at a time. onChange must not
// call Close.
func New(paths []string, debounce time.Duration, onChange func()) *Watcher {
	return start(paths, debounce, onChange, fsnotify.NewWatcher)
}

func start(paths []string, debounce time.Duration, onChange func(), open func() (*fsnotify.Watcher, error)) *Watcher {
	w := &Watcher{debounce: debounce, onChange: onChange, open: open, watched: map[string]string{}}
	for _, p := range paths {
		if abs, err := filepath.Abs(p); err == nil {
			p = abs
		}
		w.paths = append(w.paths, p)
	}
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	now := time.Now()
	w.follow(now)
	w.seen = look(w.paths)
	w.done.Go(func() { w.run(ctx) })
	return w
}

// Close stops the watcher and waits for onChange to return.
func (w *Watcher) Close() {
	w.stop()
	w.done.Wait()
}

// State says how the watcher works now.
func (w *Watcher) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

func (w *Watcher) run(ctx context.Context) {
	defer func() {
		if w.notify != nil {
			_ = w.notify.Close()
		}
	}()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(time.Until(w.next()))
		var events chan fsnotify.Event
		var problems chan error
		if w.notify != nil {
			events, problems = w.notify.Events, w.notify.Errors
		}
		select {
		case <-ctx.Done():
			return
		case e, ok := <-events:
			if !ok {
				w.lose(errors.New("the system's watcher ended"))
			} else {
				w.event(e, time.Now())
			}
		case err, ok := <-problems:
			if !ok {
				err = errors.New("the system's watcher ended")
			}
			if !errors.Is(err, fsnotify.ErrEventOverflow) {
				w.lose(err)
			}
			w.forced = true // events were lost, and nobody knows which
			w.touch(time.Now())
		case <-timer.C:
			w.tick(ctx, time.Now())
		}
	}
}

// next is when there is something to do without an event.
func (w *Watcher) next() time.Time {
	next := w.poll
	if !w.since.IsZero() && w.fire.Before(next) {
		next = w.fire
	}
	if !w.retry.IsZero() && w.retry.Before(next) {
		next = w.retry
	}
	return next
}

func (w *Watcher) event(e fsnotify.Event, now time.Time) {
	name := filepath.Clean(e.Name)
	if _, is := w.watched[name]; is && e.Has(fsnotify.Remove|fsnotify.Rename) {
		// Its watch is gone, or follows it to where it went.
		delete(w.watched, name)
		_ = w.notify.Remove(name)
		w.forced = true
		w.touch(now)
		return
	}
	switch {
	case w.scope.inner[filepath.Dir(name)], w.scope.inner[name]:
		w.forced = true
		w.touch(now)
	case w.scope.names[name]:
		w.touch(now)
	}
}

// touch puts off the answer to a burst of events, but not for ever.
func (w *Watcher) touch(now time.Time) {
	if w.since.IsZero() {
		w.since = now
	}
	w.fire = now.Add(w.debounce)
	if last := w.since.Add(min(longest, longestFactor*w.debounce)); w.fire.After(last) {
		w.fire = last
	}
}

func (w *Watcher) tick(ctx context.Context, now time.Time) {
	if !w.since.IsZero() && !now.Before(w.fire) {
		w.answer(ctx, now)
		return
	}
	if !w.retry.IsZero() && !now.Before(w.retry) {
		w.follow(now)
	}
	if !now.Before(w.poll) {
		w.poll = now.Add(w.pollEvery())
		if w.since.IsZero() && !bytes.Equal(look(w.paths), w.seen) {
			w.touch(now) // whoever writes may not be done yet
		}
	}
}

// answer ends a burst: first the watches follow what the paths are now, then
// they are looked at, so that no change falls in between.
func (w *Watcher) answer(ctx context.Context, now time.Time) {
	w.follow(now)
	seen := look(w.paths)
	changed := w.forced || !bytes.Equal(seen, w.seen)
	w.seen, w.forced, w.since = seen, false, time.Time{}
	if changed && ctx.Err() == nil {
		w.onChange()
	}
}

func (w *Watcher) pollEvery() time.Duration {
	if w.retry.IsZero() {
		return slowPoll
	}
	return fastPoll
}

// lose gives the system's watcher up; follow opens another.
func (w *Watcher) lose(err error) {
	if w.notify != nil {
		_ = w.notify.Close()
	}
	w.notify, w.watched = nil, map[string]string{}
	w.fail(err, time.Now())
}

// fail notes that something is not watched, and when to try again.
func (w *Watcher) fail(err error, now time.Time) {
	w.retrying = min(max(2*w.retrying, firstRetry), lastRetry)
	w.retry = now.Add(w.retrying)
	if soon := now.Add(fastPoll); w.poll.IsZero() || w.poll.After(soon) {
		w.poll = soon
	}
	w.report(State{Polling: true, Err: err})
}

func (w *Watcher) report(s State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = s
}

// follow makes the watches those that the paths need now.
func (w *Watcher) follow(now time.Time) {
	if w.notify == nil {
		if now.Before(w.retry) {
			return
		}
		n, err := w.open()
		if err != nil {
			w.fail(err, now)
			return
		}
		w.notify, w.watched = n, map[string]string{}
	}
	// A new watch may have missed a link or directory that came before it.
	var failed error
	for range 4 {
		w.scope = scopeOf(w.paths)
		var added bool
		if added, failed = w.add(); !added {
			break
		}
	}
	if failed != nil {
		w.fail(failed, now)
		return
	}
	w.retry, w.retrying = time.Time{}, 0
	if w.poll.IsZero() || w.poll.Sub(now) < fastPoll {
		w.poll = now.Add(slowPoll)
	}
	w.report(State{})
}

// add brings the watches in line with the scope, and reports whether some were
// added and whether some could not be.
func (w *Watcher) add() (added bool, failed error) {
	alive := map[string]bool{}
	for _, path := range w.notify.WatchList() {
		alive[filepath.Clean(path)] = true
	}
	for _, path := range slices.Sorted(maps.Keys(w.watched)) {
		if _, wanted := w.scope.directories[path]; !wanted {
			_ = w.notify.Remove(path)
			delete(w.watched, path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(w.scope.directories)) {
		is := w.scope.directories[path]
		if was, ok := w.watched[path]; ok && was == is && alive[path] {
			continue
		}
		_ = w.notify.Remove(path) // of another directory that had this name
		if err := w.notify.Add(path); err != nil {
			delete(w.watched, path)
			failed = err
			continue
		}
		w.watched[path] = is
		added = true
	}
	return added, failed
}
