package quota

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var start = time.Unix(1_800_000_000, 0)

func TestEachPrincipalHasItsRate(t *testing.T) {
	l := NewLimiter(Rate{PerSecond: 10, Burst: 5})
	for uid := range uint32(3) {
		for i := range 5 {
			if _, ok := l.Allow(uid, start); !ok {
				t.Fatalf("uid %d refused at %d of its burst", uid, i)
			}
		}
	}
	wait, ok := l.Allow(1, start)
	if ok || wait <= 90*time.Millisecond || wait > 100*time.Millisecond {
		t.Fatalf("after the burst: %v, %v", wait, ok)
	}
	if _, ok := l.Allow(1, start.Add(wait)); !ok {
		t.Error("refused after the wait that it was told")
	}
	if n := l.Principals(); n != 3 {
		t.Errorf("%d principals", n)
	}
	// All are idle long enough to be whole again: they are forgotten.
	for uid := range uint32(6) {
		l.Allow(100+uid, start.Add(time.Minute))
	}
	if n := l.Principals(); n != 6 {
		t.Errorf("%d principals after a minute", n)
	}
}

// Neither memory nor anybody's rate grows with the number of uids.
func TestMorePrincipalsThanRoom(t *testing.T) {
	l := NewLimiter(Rate{PerSecond: 1, Burst: 2})
	allowed := 0
	for uid := range uint32(3 * MaxPrincipals) {
		for range 3 {
			if _, ok := l.Allow(uid, start); ok {
				allowed++
			}
		}
	}
	if n := l.Principals(); n != MaxPrincipals {
		t.Errorf("%d principals kept", n)
	}
	if want := 2*MaxPrincipals + 2; allowed != want {
		t.Errorf("%d allowed, want %d: those without room share one rate", allowed, want)
	}
}

func TestRateChangesLive(t *testing.T) {
	l := NewLimiter(Rate{PerSecond: 1, Burst: 1})
	l.Allow(1, start)
	if _, ok := l.Allow(1, start); ok {
		t.Fatal("no limit")
	}
	l.SetRate(Rate{}, start)
	if _, ok := l.Allow(1, start); !ok {
		t.Error("refused without a limit")
	}
	l.SetRate(Rate{PerSecond: 1, Burst: 1}, start)
	if _, ok := l.Allow(1, start); ok {
		t.Error("allowed under the limit again")
	}
}

func TestBackoffDoubles(t *testing.T) {
	th, now := NewThrottle(Backoff{Free: 2, First: time.Second, Most: 10 * time.Second, Forget: time.Hour}), start
	var last Guess
	for i, want := range []time.Duration{0, 0, 1, 2, 4, 8, 10, 10} {
		var ok bool
		wait := th.Wait("x", now)
		if wait != want*time.Second {
			t.Fatalf("guess %d waits %v, want %v", i+1, wait, want*time.Second)
		}
		if wait > 0 {
			if _, _, ok := th.Begin("x", now.Add(wait-1)); ok {
				t.Fatalf("guess %d is let through early", i+1)
			}
		}
		now = now.Add(wait)
		if last, _, ok = th.Begin("x", now); !ok {
			t.Fatalf("guess %d is refused after its wait", i+1)
		}
	}
	if th.Wait("y", now) != 0 {
		t.Error("another subject waits as well")
	}
	last.Undo()
	if w := th.Wait("x", now); w != 0 {
		t.Errorf("after an undo: %v, though the wait before it was over", w)
	}
	last, _, _ = th.Begin("x", now)
	last.Right()
	if w := th.Wait("x", now); w != 0 {
		t.Errorf("after the right one: %v", w)
	}
	last, _, _ = th.Begin("x", now)
	last.Undo()
	if _, known := th.subjects["x"]; known {
		t.Error("an undone first guess is remembered")
	}
}

// Who succeeds at something else in between does not get more guesses.
func TestUndoneGuessesGiveNoOthers(t *testing.T) {
	wrong := func(between func(*Throttle, time.Time)) (n int) {
		th := NewThrottle(Passwords)
		for now := start; now.Before(start.Add(6 * time.Hour)); now = now.Add(time.Second) {
			between(th, now)
			if _, _, ok := th.Begin("x", now); ok {
				n++
			}
		}
		return n
	}
	alone := wrong(func(*Throttle, time.Time) {})
	mixed := wrong(func(th *Throttle, now time.Time) {
		if g, _, ok := th.Begin("x", now); ok {
			g.Undo()
		}
	})
	if alone != mixed || alone > 40 {
		t.Errorf("%d guesses, and %d with successes in between", alone, mixed)
	}
	// Nor does an undo take back the time of a guess that began after it.
	th := NewThrottle(Passwords)
	first, _, _ := th.Begin("x", start)
	for i := range 3 {
		th.Begin("x", start.Add(time.Duration(1+i)*time.Minute))
	}
	first.Undo()
	if w := th.Wait("x", start.Add(3*time.Minute)); w != Passwords.First {
		t.Errorf("wait %v after three wrong ones", w)
	}
}

// What is written at Passwords holds for whoever guesses as soon as allowed,
// and however often the daemon starts anew in between.
func TestGuessesPerDay(t *testing.T) {
	for name, restart := range map[string]func(*Throttle){
		"one after the other": func(*Throttle) {},
		"restarts": func(th *Throttle) {
			data, err := json.Marshal(th)
			if err != nil {
				t.Fatal(err)
			}
			fresh := NewThrottle(Passwords)
			if err := json.Unmarshal(data, fresh); err != nil {
				t.Fatal(err)
			}
			th.subjects = fresh.subjects
		},
	} {
		t.Run(name, func(t *testing.T) {
			th := NewThrottle(Passwords)
			var at []time.Time
			for now := start; now.Before(start.Add(72 * time.Hour)); {
				restart(th)
				_, wait, ok := th.Begin("unseal", now)
				if ok {
					at = append(at, now)
				}
				now = now.Add(wait)
			}
			worst, from := 0, 0
			for i := range at {
				for at[i].Sub(at[from]) >= 24*time.Hour {
					from++
				}
				worst = max(worst, i-from+1)
			}
			if worst > 118 || worst < 100 {
				t.Errorf("%d guesses in a day", worst)
			}
		})
	}
}

func TestClockSetBackDoesNotLockOut(t *testing.T) {
	th, now := NewThrottle(Passwords), start
	for range 5 {
		now = now.Add(th.Wait("x", now))
		th.Begin("x", now)
	}
	back := start.Add(-24 * 365 * time.Hour)
	if w := th.Wait("x", back); w <= 0 || w > Passwords.Most {
		t.Errorf("wait %v with the clock set back", w)
	}
	if _, _, ok := th.Begin("x", back); ok {
		t.Error("setting the clock back gives a guess")
	}
	if w := th.Wait("x", back.Add(Passwords.Most)); w != 0 {
		t.Errorf("still %v after the longest wait", w)
	}
}

func TestManyAtOnceAreOne(t *testing.T) {
	th := NewThrottle(Passwords)
	var through atomic.Int32
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if _, _, ok := th.Begin("unseal", start); ok {
				through.Add(1)
			}
		})
	}
	all.Wait()
	if n := through.Load(); n != int32(Passwords.Free) {
		t.Errorf("%d of 64 guesses at once are let through", n)
	}
}

func TestThrottleIsBounded(t *testing.T) {
	th := NewThrottle(Passwords)
	through := 0
	for i := range 3 * MaxSubjects {
		if _, _, ok := th.Begin(fmt.Sprint("s", i), start); ok {
			through++
		}
	}
	if n := len(th.subjects); n > MaxSubjects+1 {
		t.Errorf("%d subjects kept", n)
	}
	if want := MaxSubjects + Passwords.Free; through != want {
		t.Errorf("%d let through, want %d: those without room share one back-off", through, want)
	}
	if _, _, ok := th.Begin("late", start.Add(Passwords.Forget)); !ok {
		t.Error("no room after all was forgotten")
	}
}

func TestDamagedHistoryIsRefused(t *testing.T) {
	th := NewThrottle(Passwords)
	th.Begin("x", start)
	for _, s := range []string{"", "null", "[]", `{"x":5}`, `{"x":{"wrong":-1,"last":"2026-01-01T00:00:00Z"}}`, `{"x":{"wrong":1}}`, `{"x":{"more":1}}`} {
		if err := th.UnmarshalJSON([]byte(s)); err == nil {
			t.Errorf("%q is accepted", s)
		}
	}
	if len(th.subjects) != 1 {
		t.Error("the history did not stay")
	}
}
