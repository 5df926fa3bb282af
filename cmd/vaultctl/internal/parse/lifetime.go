package parse

import (
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/vaultd/vaultd/vault/fault"
)

// MaxLifetime is the longest lifetime that a flag accepts.
const MaxLifetime = 100 * 365 * 24 * time.Hour

// Lifetime is a flag value: how long a key lives. The zero value says nothing,
// so that the daemon's default holds. It implements pflag.Value.
type Lifetime struct {
	given bool
	none  bool
	d     time.Duration
}

// Set reads "none" or "never", or whole numbers with the units s, m, h, d
// (24 hours), w (7 days) and y (365 days), largest unit first: "1h", "30d", "1y6w".
func (l *Lifetime) Set(s string) error {
	switch strings.ToLower(s) {
	case "none", "never":
		*l = Lifetime{given: true, none: true}
		return nil
	}
	d, err := Duration(s)
	if err != nil {
		return err
	}
	*l = Lifetime{given: true, d: d}
	return nil
}

// String is the value as the flag's default would show it.
func (l *Lifetime) String() string {
	switch {
	case l == nil || !l.given:
		return ""
	case l.none:
		return "none"
	}
	return l.d.String()
}

// Type names the value in help texts.
func (l *Lifetime) Type() string { return "LIFETIME" }

// Proto is the lifetime as requests carry it, nil when none was given.
func (l *Lifetime) Proto() *durationpb.Duration {
	if !l.given || l.none {
		return nil
	}
	return durationpb.New(l.d)
}

// NoExpiry reports whether the user asked for a key that never expires.
func (l *Lifetime) NoExpiry() bool { return l.none }

var units = []struct {
	suffix byte
	length time.Duration
}{
	{'y', 365 * 24 * time.Hour},
	{'w', 7 * 24 * time.Hour},
	{'d', 24 * time.Hour},
	{'h', time.Hour},
	{'m', time.Minute},
	{'s', time.Second},
}

// Duration reads a positive length of time such as "90m", "30d" or "1y6w", of
// at most MaxLifetime. Each unit appears once, the larger one first.
func Duration(s string) (time.Duration, error) {
	bad := fault.E(fault.CodeBadArgument, "%q is not a length of time", s).
		WithHint("write it as 90s, 15m, 1h, 30d, 4w or 1y")
	rest, next := s, 0
	var total time.Duration
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		if digits == 0 || digits > 12 || digits == len(rest) {
			return 0, bad
		}
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil {
			return 0, bad
		}
		for next < len(units) && units[next].suffix != rest[digits] {
			next++
		}
		if next == len(units) {
			return 0, bad
		}
		length := units[next].length
		if n > int64((MaxLifetime-total)/length) {
			return 0, fault.E(fault.CodeBadArgument, "%q is longer than 100 years", s).WithHint("for a key without an end, say none")
		}
		total += time.Duration(n) * length
		rest, next = rest[digits+1:], next+1
	}
	if total <= 0 {
		return 0, bad
	}
	return total, nil
}

// Age is a flag value for a plain positive length of time. The zero value is
// "not given". It implements pflag.Value.
type Age time.Duration

// Set reads the value as [Duration] does.
func (a *Age) Set(s string) error {
	d, err := Duration(s)
	*a = Age(d)
	return err
}

// String is the value as the flag's default would show it.
func (a *Age) String() string {
	if a == nil || *a == 0 {
		return ""
	}
	return time.Duration(*a).String()
}

// Type names the value in help texts.
func (a *Age) Type() string { return "DURATION" }

// Proto is the age as requests carry it, nil when none was given.
func (a *Age) Proto() *durationpb.Duration {
	if *a == 0 {
		return nil
	}
	return durationpb.New(time.Duration(*a))
}
