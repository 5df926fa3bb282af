package parse

import (
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/vaultd/vaultd/vault/fault"
)

// Moment is a flag value for a point in time. The zero value is "not given". It
// implements pflag.Value.
type Moment struct {
	// Past has a length of time count back from now ("2h" is two hours ago)
	// instead of forward.
	Past bool

	given, none bool
	t           time.Time
}

// Set reads "now", "none", a length of time from now as [Duration] does, a date
// ("2027-01-31", midnight here) or a time of RFC 3339 ("2027-01-31T12:00:00Z").
func (m *Moment) Set(s string) error {
	m.given, m.none = true, false
	switch strings.ToLower(s) {
	case "now":
		m.t = time.Now()
		return nil
	case "none", "never":
		m.none = true
		return nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		m.t = t
		return nil
	}
	if t, err := time.ParseInLocation(time.DateOnly, s, time.Local); err == nil {
		m.t = t
		return nil
	}
	d, err := Duration(s)
	if err != nil {
		return fault.E(fault.CodeBadArgument, "%q is no time", s).
			WithHint("say now, none, 30d, 2027-01-31 or 2027-01-31T12:00:00Z")
	}
	if m.Past {
		d = -d
	}
	m.t = time.Now().Add(d)
	return nil
}

// String is the value as the flag's default would show it.
func (m *Moment) String() string {
	switch {
	case m == nil || !m.given:
		return ""
	case m.none:
		return "none"
	}
	return m.t.Format(time.RFC3339)
}

// Type names the value in help texts.
func (m *Moment) Type() string { return "TIME" }

// Given reports whether the flag was used.
func (m *Moment) Given() bool { return m.given }

// None reports whether the user said that there is no such time.
func (m *Moment) None() bool { return m.none }

// Proto is the time as requests carry it, nil when none was given.
func (m *Moment) Proto() *timestamppb.Timestamp {
	if !m.given || m.none {
		return nil
	}
	return timestamppb.New(m.t)
}
