package vault

import (
	"testing"
	"time"
)

// Of the bytes of a schedule only well-formed ones in bounds are taken.
func TestMalformedSchedules(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	encode := func(every time.Duration, next time.Time) []byte { return appendTime(appendDuration(nil, every), next) }
	good := encode(24*time.Hour, at)
	if r := readRotation(good); r == nil || r.every != 24*time.Hour || !r.next.Equal(at) {
		t.Fatalf("%+v", r)
	}
	for name, body := range map[string][]byte{
		"empty": nil, "short": good[:15], "long": append(good[:16:16], 0), "too often": encode(time.Hour-1, at),
		"too seldom": encode(MaxTTL+time.Hour, at), "no next time": encode(24*time.Hour, time.Time{}), "negative": encode(-time.Hour, at),
	} {
		if r := readRotation(body); r != nil {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// However late a rotation is, the next time is the schedule's first in the future.
func TestScheduleKeepsItsTimes(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	r := &rotation{every: 24 * time.Hour, next: at}
	for late, want := range map[time.Duration]time.Duration{
		0: 24 * time.Hour, time.Second: 24 * time.Hour, 24*time.Hour - 1: 24 * time.Hour, 24 * time.Hour: 48 * time.Hour,
		100 * time.Hour: 120 * time.Hour,
	} {
		if got := r.after(at.Add(late)).next.Sub(at); got != want {
			t.Errorf("%s late: next after %s, wanted %s", late, got, want)
		}
	}
}
