package quota

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

// Backoff is how guesses are slowed down: the first Free wrong ones in a row
// cost nothing, then each wait is twice the one before.
type Backoff struct {
	Free   int           // wrong guesses without a wait
	First  time.Duration // the first wait
	Most   time.Duration // the longest wait
	Forget time.Duration // without a guess for this long, all starts anew
}

// Passwords is the back-off for passwords and passphrases. It leaves at most
// 3 guesses at once and 118 in any day.
var Passwords = Backoff{Free: 3, First: time.Second, Most: 15 * time.Minute, Forget: 24 * time.Hour}

// MaxSubjects is how many subjects a Throttle tells apart; more than these
// share the back-off of one.
const MaxSubjects = 4096

// Throttle slows down guessing. A subject is what is guessed, and by whom where
// not everybody may: "unseal", or "passphrase owner=alice". A Throttle is safe
// for concurrent use.
//
// Each guess is taken for a wrong one from the moment it begins. To survive a
// restart, and a kill in the middle of a guess, save the throttle (it marshals
// to JSON) after Begin and before the check, and again after Right and Undo.
type Throttle struct {
	backoff Backoff

	mu       sync.Mutex // guards subjects
	subjects map[string]guesses
}

// Guess is one that Begin let through. Unless Right or Undo is called, once, it
// stays a wrong one.
type Guess struct {
	throttle *Throttle
	subject  string
	before   time.Time // of the guess before it; zero for none
	began    time.Time
}

type guesses struct {
	Wrong int       `json:"wrong"`
	Last  time.Time `json:"last"` // when the last one began
}

// NewThrottle returns a throttle without a history.
func NewThrottle(b Backoff) *Throttle { return &Throttle{backoff: b, subjects: map[string]guesses{}} }

// overflow is the subject of all that there is no room for.
const overflow = ""

// Begin asks for a guess. If ok, the guess is counted as wrong until it says
// otherwise; if not, nothing is counted, and wait is how long to wait.
func (t *Throttle) Begin(subject string, now time.Time) (g Guess, wait time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	subject = t.place(subject, now)
	past := t.current(subject, now)
	if wait = t.backoff.left(past, now); wait > 0 {
		return Guess{}, wait, false
	}
	began := now.Round(0)
	t.subjects[subject] = guesses{min(past.Wrong, math.MaxInt-1) + 1, began}
	return Guess{t, subject, past.Last, began}, 0, true
}

// Right says that the guess was right, and that who knows this has nothing left
// to guess in the subject: it starts anew.
func (g Guess) Right() {
	if g.subject == overflow { // which is not this guess's alone
		g.Undo()
		return
	}
	g.throttle.mu.Lock()
	defer g.throttle.mu.Unlock()
	delete(g.throttle.subjects, g.subject)
}

// Undo says that the guess does not count: it was not checked at all, or it was
// right and says nothing of the wrong ones before it. These still count, as if
// this one had never been.
func (g Guess) Undo() {
	t := g.throttle
	t.mu.Lock()
	defer t.mu.Unlock()
	past, known := t.subjects[g.subject]
	if !known || past.Wrong <= 1 {
		delete(t.subjects, g.subject)
		return
	}
	past.Wrong--
	if past.Last.Equal(g.began) && !g.before.IsZero() { // no other came after it
		past.Last = g.before
	}
	t.subjects[g.subject] = past
}

// Wait is how long Begin would have to wait.
func (t *Throttle) Wait(subject string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.subjects[subject]; !known && len(t.subjects) >= MaxSubjects {
		subject = overflow
	}
	return t.backoff.left(t.current(subject, now), now)
}

// current is what counts of the subject's past. A clock that went back leaves
// the last guess in the future: it counts as one of now.
func (t *Throttle) current(subject string, now time.Time) guesses {
	g, known := t.subjects[subject]
	if !known || now.Sub(g.Last) >= t.backoff.Forget {
		return guesses{}
	}
	if g.Last.After(now) {
		g.Last = now.Round(0)
		t.subjects[subject] = g
	}
	return g
}

// place is the subject itself, or the common one when there is no room.
func (t *Throttle) place(subject string, now time.Time) string {
	if _, known := t.subjects[subject]; known || len(t.subjects) < MaxSubjects {
		return subject
	}
	for s, g := range t.subjects {
		if now.Sub(g.Last) >= t.backoff.Forget {
			delete(t.subjects, s)
		}
	}
	if len(t.subjects) < MaxSubjects {
		return subject
	}
	return overflow
}

// left is the wait after g that is left.
func (b Backoff) left(g guesses, now time.Time) time.Duration {
	if g.Wrong == 0 || g.Wrong < b.Free {
		return 0
	}
	wait := b.Most
	if n := g.Wrong - b.Free; n < 62 && b.First <= b.Most>>n {
		wait = b.First << n
	}
	return max(wait-now.Sub(g.Last), 0)
}

// MarshalJSON writes the history.
func (t *Throttle) MarshalJSON() ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return json.Marshal(t.subjects)
}

// UnmarshalJSON replaces the history by what MarshalJSON wrote. The error
// leaves it as it is.
func (t *Throttle) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	subjects := map[string]guesses{}
	if err := d.Decode(&subjects); err != nil {
		return fmt.Errorf("read the history of guesses: %w", err)
	}
	if subjects == nil || len(subjects) > MaxSubjects+1 {
		return errors.New("read the history of guesses: not one")
	}
	for s, g := range subjects {
		if g.Wrong < 0 || g.Last.IsZero() && g.Wrong > 0 {
			return fmt.Errorf("read the history of guesses: %q has none", s)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.subjects = subjects
	return nil
}
