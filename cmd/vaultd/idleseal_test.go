package main

import (
	"testing"
	"time"
)

func TestIdlenessIsCountedFromTheLastUse(t *testing.T) {
	start := time.Now()
	at := func(d time.Duration) time.Time { return start.Add(d) }
	// The wall clock alone went on, as while the machine sleeps.
	slept := func(d time.Duration) time.Time { return start.Round(0).Add(d) }
	const limit = 10 * time.Minute
	var i idleness
	for _, step := range []struct {
		name   string
		now    time.Time
		active bool
		want   bool
	}{
		{"the first look", at(0), false, false},
		{"not yet", at(9 * time.Minute), false, false},
		{"used", at(9*time.Minute + 59*time.Second), true, false},
		{"counted anew", at(19 * time.Minute), false, false},
		{"over", at(20 * time.Minute), false, true},
		{"used again", at(20 * time.Minute), true, false},
		{"the machine slept", slept(31 * time.Minute), false, true},
	} {
		if got := i.over(step.now, limit, step.active); got != step.want {
			t.Errorf("%s: over is %v", step.name, got)
		}
	}
}
