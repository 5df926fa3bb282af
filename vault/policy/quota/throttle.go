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
// not everybody may: "unseal", or "import uid=1000 key=alice/k". A subject must
// not be such that who guesses can succeed at something else in it, since that
// resets it. A Throttle is safe for concurrent use.
//
// Each guess is taken for a wrong one from the moment it begins. To survive a
// restart, and a kill in the middle of a guess, save the throttle (it marshals
// to JSON) after Begin and before the check, and again after Right and Undo.
type Throttle struct {
	backoff Backoff

	mu       sync.Mutex // guards subjects
	subjects map[string]guesses
}

type guesses struct {
	Wrong int       `json:"wrong"`
	Last  time.Time `json:"last"` // when the last one began
}

// NewThrottle returns a throttle without a history.
func NewThrottle(b Backoff) *Throttle { return &Throttle{backoff: b, subjects: map[string]guesses{}} }

// overflow is the subject of all that there is no room for.
const overflow = ""

// Begin asks for a guess. If ok, the guess is counted as wrong until Right says
// otherwise; if not, nothing is counted, and wait is how long to wait.
func (t *Throttle) Begin(subject string, now time.Time) (wait time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	subject = t.place(subject, now)
	g := t.current(subject, now)
	if wait = t.backoff.left(g, now); wait > 0 {
		return wait, false
	}
	t.subjects[subject] = guesses{min(g.Wrong, math.MaxInt-1) + 1, now.Round(0)}
	return 0, true
}

// Right says that the guess was right: the subject starts anew.
func (t *Throttle) Right(subject string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.subjects, subject)
}

// Undo says that the guess was not checked at all.
func (t *Throttle) Undo(subject string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.subjects[subject]; !known {
		subject = overflow
	}
	if g, known := t.subjects[subject]; known && g.Wrong > 1 {
		g.Wrong--
		t.subjects[subject] = g
	} else {
		delete(t.subjects, subject)
	}
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
