package audit

import (
	"strconv"
	"time"
	"unicode/utf8"
)

const (
	seqPrefix = `{"seq":`
	hexDigits = "0123456789abcdef"
	// cutRoom is what a cut value leaves for its mark: "…[+", up to 19 digits, "]".
	cutRoom = 25
)

// AppendLine appends the line of r, without a newline, to dst. The order of
// the members is fixed and there is exactly one encoding of a record.
func AppendLine(dst []byte, r *Record) []byte {
	return appendTail(appendSeq(dst, r.Seq), r)
}

func appendSeq(dst []byte, seq int64) []byte {
	dst = append(dst, seqPrefix...)
	dst = strconv.AppendInt(dst, seq, 10)
	return append(dst, ',')
}

// appendTail appends all of the line that follows the sequence number, which
// is not known before the record is about to be written.
func appendTail(dst []byte, r *Record) []byte {
	t := r.Time.UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		t = time.Unix(0, 0).UTC() // RFC 3339 has four digits for the year
	}
	dst = append(dst, `"time":"`...)
	dst = t.AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, '"')
	dst = appendMember(dst, `,"request":`, r.Request, maxRequest)
	dst = append(dst, `,"principal":{"uid":`...)
	dst = strconv.AppendUint(dst, uint64(r.Principal.UID), 10)
	dst = appendMember(dst, `,"user":`, r.Principal.User, maxUser)
	dst = append(dst, `,"gid":`...)
	dst = strconv.AppendUint(dst, uint64(r.Principal.GID), 10)
	dst = append(dst, `,"pid":`...)
	dst = strconv.AppendInt(dst, int64(r.Principal.PID), 10)
	dst = appendMember(dst, `,"exe":`, r.Principal.Exe, maxExe)
	dst = appendMember(dst, `,"unit":`, r.Principal.Unit, maxUnit)
	dst = append(dst, `},"action":`...)
	dst = appendString(dst, r.Action, maxAction)
	if r.Key != (Key{}) {
		dst = append(dst, `,"key":{"name":`...)
		dst = appendString(dst, r.Key.Name, maxKeyName)
		dst = append(dst, `,"version":`...)
		dst = strconv.AppendUint(dst, uint64(r.Key.Version), 10)
		dst = appendMember(dst, `,"fingerprint":`, r.Key.Fingerprint, maxFingerprint)
		dst = append(dst, '}')
	}
	dst = appendMember(dst, `,"owner":`, r.Owner, maxOwner)
	dst = append(dst, `,"outcome":`...)
	dst = appendString(dst, string(r.Outcome), maxOutcome)
	dst = appendMember(dst, `,"code":`, r.Code, maxCode)
	dst = appendMember(dst, `,"rule":`, r.Rule, maxRule)
	dst = appendMember(dst, `,"form":`, r.Form, maxForm)
	dst = append(dst, `,"duration_us":`...)
	dst = strconv.AppendInt(dst, max(0, r.Duration.Microseconds()), 10)
	dst = appendExtra(dst, r.Extra)
	return append(dst, '}')
}

func appendMember(dst []byte, name, value string, limit int) []byte {
	if value == "" {
		return dst
	}
	return appendString(append(dst, name...), value, limit)
}

func appendExtra(dst []byte, extra []Field) []byte {
	if len(extra) == 0 {
		return dst
	}
	shown := extra
	if len(extra) > maxExtra {
		shown = extra[:maxExtra-1]
	}
	dst = append(dst, `,"extra":{`...)
	for i, f := range shown {
		if repeats(shown[:i], f.Name) {
			continue
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, f.Name, maxExtraName)
		dst = append(dst, ':')
		dst = appendString(dst, f.Value, maxExtraValue)
	}
	if hidden := len(extra) - len(shown); hidden > 0 {
		dst = append(dst, `,"…":"[+`...)
		dst = strconv.AppendInt(dst, int64(hidden), 10)
		dst = append(dst, `]"`...)
	}
	return append(dst, '}')
}

func repeats(fields []Field, name string) bool {
	for _, f := range fields {
		if f.Name == name {
			return true
		}
	}
	return false
}

// appendString appends s as a JSON string of at most limit bytes between the
// quotes. Everything that could end a line, move a cursor or turn the
// direction of text is escaped, so that a name can't forge a record for
// whoever reads the log with a pager.
func appendString(dst []byte, s string, limit int) []byte {
	dst = append(dst, '"')
	if len(s) <= limit && plain(s) {
		dst = append(dst, s...)
		return append(dst, '"')
	}
	start := len(dst)
	fit, read := start, 0 // where a cut would be
	for i := 0; i < len(s); {
		if len(dst)-start <= limit-cutRoom {
			fit, read = len(dst), i
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		dst = appendRune(dst, r)
		i += size
		if len(dst)-start > limit {
			dst = append(dst[:fit], "…[+"...)
			dst = strconv.AppendInt(dst, int64(len(s)-read), 10)
			dst = append(dst, ']')
			break
		}
	}
	return append(dst, '"')
}

// plain reports whether s needs no escapes.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func appendRune(dst []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(dst, '\\', byte(r))
	case r < 0x20, r >= 0x7f && r <= 0x9f, // controls
		r == 0x00ad, r == 0x061c, r >= 0x200b && r <= 0x200f, // invisible, direction
		r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f, // line ends, direction
		r >= 0xd800 && r <= 0xdfff, r == 0xfeff, r >= 0xfff0 && r <= 0xffff: // not characters
		return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
	}
	return utf8.AppendRune(dst, r)
}
