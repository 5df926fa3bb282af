package config

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"
	"time"
)

// Size is a number of bytes. In a file it is a whole number or a string with a
// unit: "64 KiB", "1MiB", "2GiB".
type Size int64

var units = []struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// String writes the size in the largest unit that divides it.
func (s Size) String() string {
	for _, u := range units {
		if s != 0 && int64(s)%u.size == 0 {
			return fmt.Sprintf("%d %s", int64(s)/u.size, u.name)
		}
	}
	return "0 B"
}

// MarshalText writes the size as String does.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalTOML reads a whole number of bytes, or a string with a unit.
func (s *Size) UnmarshalTOML(value any) error {
	switch v := value.(type) {
	case int64:
		*s = Size(v)
		return nil
	case string:
		return s.parse(v)
	}
	return errors.New(`wants a size, such as "1 MiB"`)
}

func (s *Size) parse(text string) error {
	for _, u := range units {
		digits, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64/u.size {
			break
		}
		*s = Size(n * u.size)
		return nil
	}
	return fmt.Errorf(`%q is not a size; write a number of bytes, or for example "64 KiB" or "1 MiB"`, text)
}

// Duration is a length of time, written as Go does: "30s", "10m", "1h30m".
type Duration time.Duration

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText writes the duration as String does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalTOML reads a string.
func (d *Duration) UnmarshalTOML(value any) error {
	text, ok := value.(string)
	if !ok {
		return errors.New(`wants a duration in quotes, such as "30s"`)
	}
	v, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf(`%q is not a duration; write for example "30s", "10m" or "1h30m"`, text)
	}
	*d = Duration(v)
	return nil
}

// Mode is a file mode, written as a string of octal digits: "0660".
type Mode fs.FileMode

func (m Mode) String() string { return fmt.Sprintf("%04o", uint32(m)) }

// MarshalText writes the mode as String does.
func (m Mode) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalTOML reads a string of octal digits. A number is refused, since 660
// in TOML is decimal.
func (m *Mode) UnmarshalTOML(value any) error {
	text, ok := value.(string)
	if !ok {
		return errors.New(`wants a mode in quotes, such as "0660"`)
	}
	v, err := strconv.ParseUint(text, 8, 32)
	if err != nil || v > 0o777 {
		return fmt.Errorf(`%q is not a mode; write for example "0660"`, text)
	}
	*m = Mode(v)
	return nil
}

// Format is how log lines look.
type Format string

// The formats. Auto is text on a terminal and JSON elsewhere.
const (
	FormatAuto Format = "auto"
	FormatText Format = "text"
	FormatJSON Format = "json"
)

// UnmarshalText reads the name of a format.
func (f *Format) UnmarshalText(text []byte) error {
	switch v := Format(text); v {
	case FormatAuto, FormatText, FormatJSON:
		*f = v
		return nil
	}
	return fmt.Errorf(`%q is not a log format; it is "auto", "text" or "json"`, text)
}

// Reaction is what the daemon does when somebody else touches its files, besides
// telling of it in log, audit log and status.
type Reaction string

// The reactions.
const (
	ReactWarn Reaction = "warn" // nothing more
	ReactSeal Reaction = "seal" // the vault is sealed
)

// UnmarshalText reads the name of a reaction.
func (r *Reaction) UnmarshalText(text []byte) error {
	switch v := Reaction(text); v {
	case ReactWarn, ReactSeal:
		*r = v
		return nil
	}
	return fmt.Errorf(`%q is not what vaultd can do; it is "warn" or "seal"`, text)
}
