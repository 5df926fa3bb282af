package audit

import (
	"bytes"
	"fmt"
	"math"
	"time"
	"unicode/utf8"
)

// Decode parses a line (without its newline) strictly: it accepts exactly the
// bytes that AppendLine produces, and answers everything else with ErrMalformed.
func Decode(line []byte) (Record, error) {
	if len(line) >= MaxLine {
		return Record{}, fmt.Errorf("%w record: %d bytes", ErrMalformed, len(line))
	}
	d := decoder{rest: line}
	r := d.record()
	if d.bad || len(d.rest) > 0 {
		return Record{}, fmt.Errorf("%w record at byte %d", ErrMalformed, len(line)-len(d.rest))
	}
	// One record has one line. This is what refuses other spellings of the same
	// value: escapes that were not needed, leading zeros, repeated names.
	if canonical := AppendLine(make([]byte, 0, len(line)), &r); !bytes.Equal(canonical, line) {
		return Record{}, fmt.Errorf("%w record: not in canonical form", ErrMalformed)
	}
	return r, nil
}

// decoder reads tokens off the front of a line; after the first that is not
// there it is bad for good.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) record() (r Record) {
	d.need(seqPrefix)
	r.Seq = d.integer(math.MaxInt64)
	d.need(`,"time":`)
	when, err := time.Parse(time.RFC3339Nano, d.text())
	d.bad = d.bad || err != nil
	r.Time = when.UTC()
	r.Request = d.member(`,"request":`)
	d.need(`,"principal":{"uid":`)
	r.Principal.UID = uint32(d.integer(math.MaxUint32))
	r.Principal.User = d.member(`,"user":`)
	d.need(`,"gid":`)
	r.Principal.GID = uint32(d.integer(math.MaxUint32))
	d.need(`,"pid":`)
	negative := d.has("-")
	r.Principal.PID = int32(d.integer(math.MaxInt32))
	if negative {
		r.Principal.PID = -r.Principal.PID
	}
	r.Principal.Exe = d.member(`,"exe":`)
	r.Principal.Unit = d.member(`,"unit":`)
	d.need(`},"action":`)
	r.Action = d.text()
	if d.has(`,"key":{"name":`) {
		r.Key.Name = d.text()
		d.need(`,"version":`)
		r.Key.Version = uint32(d.integer(math.MaxUint32))
		r.Key.Fingerprint = d.member(`,"fingerprint":`)
		d.need("}")
	}
	r.Owner = d.member(`,"owner":`)
	d.need(`,"outcome":`)
	r.Outcome = Outcome(d.text())
	r.Code = d.member(`,"code":`)
	r.Rule = d.member(`,"rule":`)
	r.Form = d.member(`,"form":`)
	d.need(`,"duration_us":`)
	r.Duration = time.Duration(d.integer(math.MaxInt64/int64(time.Microsecond))) * time.Microsecond
	if d.has(`,"extra":{`) {
		r.Extra = d.extra()
	}
	d.need("}")
	return r
}

func (d *decoder) extra() (fields []Field) {
	for !d.bad && len(fields) <= maxExtra {
		name := d.text()
		d.need(":")
		fields = append(fields, Field{name, d.text()})
		if !d.has(",") {
			break
		}
	}
	d.need("}")
	return fields
}

func (d *decoder) has(token string) bool {
	if d.bad || len(d.rest) < len(token) || string(d.rest[:len(token)]) != token {
		return false
	}
	d.rest = d.rest[len(token):]
	return true
}

func (d *decoder) need(token string) { d.bad = !d.has(token) }

func (d *decoder) member(name string) string {
	if !d.has(name) {
		return ""
	}
	return d.text()
}

func (d *decoder) integer(limit int64) (n int64) {
	digits := 0
	for len(d.rest) > digits && d.rest[digits] >= '0' && d.rest[digits] <= '9' {
		c := int64(d.rest[digits] - '0')
		if n > (limit-c)/10 {
			d.bad = true
			return 0
		}
		n = n*10 + c
		digits++
	}
	d.bad = d.bad || digits == 0
	d.rest = d.rest[digits:]
	return n
}

func (d *decoder) text() string {
	d.need(`"`)
	if d.bad {
		return ""
	}
	end := bytes.IndexAny(d.rest, `"\`)
	if end < 0 {
		d.bad = true
		return ""
	}
	if d.rest[end] == '"' { // the common case has no escapes
		s := string(d.rest[:end])
		d.rest = d.rest[end+1:]
		return s
	}
	var s []byte
	for len(d.rest) > 0 {
		switch c := d.rest[0]; {
		case c == '"':
			d.rest = d.rest[1:]
			return string(s)
		case c == '\\' && len(d.rest) >= 2 && (d.rest[1] == '"' || d.rest[1] == '\\'):
			s = append(s, d.rest[1])
			d.rest = d.rest[2:]
		case c == '\\' && len(d.rest) >= 6 && d.rest[1] == 'u':
			r, ok := hex4(d.rest[2:6])
			if !ok {
				d.bad = true
				return ""
			}
			s = utf8.AppendRune(s, r)
			d.rest = d.rest[6:]
		case c == '\\':
			d.bad = true
			return ""
		default:
			s = append(s, c)
			d.rest = d.rest[1:]
		}
	}
	d.bad = true
	return ""
}

func hex4(b []byte) (r rune, ok bool) {
	for _, c := range b {
		i := bytes.IndexByte([]byte(hexDigits), c)
		if i < 0 {
			return 0, false
		}
		r = r<<4 | rune(i)
	}
	return r, true
}

// claimedSeq is the sequence number that a line says it has. It looks at the
// line's first member only.
func claimedSeq(line []byte) (int64, bool) {
	d := decoder{rest: line}
	d.need(seqPrefix)
	leadingZero := len(d.rest) > 1 && d.rest[0] == '0' && d.rest[1] != ','
	n := d.integer(math.MaxInt64)
	d.need(",")
	return n, !d.bad && !leadingZero
}
