package render

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
)

// When is a time for people, absolute and relative to now:
// "2026-03-01 14:05:00 UTC (in 1h)". The empty string stands for no time.
func (p *Printer) When(ts *timestamppb.Timestamp) string {
	if ts == nil {
		return ""
	}
	t := ts.AsTime()
	return fmt.Sprintf("%s (%s)", t.Local().Format("2006-01-02 15:04:05 MST"), Relative(t.Sub(p.Now())))
}

// Until is an expiry for a table: "in 1h", "3h ago", or "never".
func (p *Printer) Until(ts *timestamppb.Timestamp) string {
	if ts == nil {
		return "never"
	}
	return Relative(ts.AsTime().Sub(p.Now()))
}

// Relative is a distance in time in its largest unit, rounded down; less than a
// second is now. A few seconds off the future count as nothing, so that a key
// just made for an hour reads so.
func Relative(d time.Duration) string {
	switch {
	case d.Abs() < time.Second:
		return "now"
	case d < 0:
		return span(-d) + " ago"
	}
	return "in " + span(d+min(d/50, 30*time.Second))
}

func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d < 2*365*day:
		return fmt.Sprintf("%dd", d/day)
	}
	return fmt.Sprintf("%dy", d/(365*day))
}

// instant is a time as JSON carries it: RFC 3339 in UTC, null for none.
func instant(ts *timestamppb.Timestamp) *time.Time {
	if ts == nil {
		return nil
	}
	t := ts.AsTime()
	return &t
}
