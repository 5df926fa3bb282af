package vault

import (
	"encoding/binary"
	"errors"
	"time"
)

// errMalformed says that bytes from the disk are not the record they should be.
var errMalformed = errors.New("malformed record")

// The codec of headers and records: integers big-endian, every variable part
// with its length before it, exactly one encoding for each value. The append
// functions write; a reader reads, remembers the first failure, and refuses
// whatever the writer would not have written.

func appendU16(b []byte, v uint16) []byte { return binary.BigEndian.AppendUint16(b, v) }
func appendU32(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }
func appendU64(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }

// appendStr8 writes a string of at most 255 bytes.
func appendStr8(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }

// appendStr16 writes a string of at most 65535 bytes.
func appendStr16(b []byte, s string) []byte { return append(appendU16(b, uint16(len(s))), s...) }

// appendBytes32 writes bytes under a 32-bit length.
func appendBytes32(b, p []byte) []byte { return append(appendU32(b, uint32(len(p))), p...) }

// appendTime writes microseconds since 1970, zero for the zero time.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return appendU64(b, 0)
	}
	return appendU64(b, uint64(t.UnixMicro()))
}

func appendDuration(b []byte, d time.Duration) []byte { return appendU64(b, uint64(d.Microseconds())) }

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// reader takes a record apart. After a failure everything it returns is zero.
type reader struct {
	b      []byte
	failed bool
}

// take returns the next n bytes, which stay part of the input.
func (r *reader) take(n int) []byte {
	if r.failed || n < 0 || n > len(r.b) {
		r.fail()
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) fail() { r.failed, r.b = true, nil }

// check fails the reader unless ok; it is how a codec states its bounds.
func (r *reader) check(ok bool) {
	if !ok {
		r.fail()
	}
}

func (r *reader) u8() uint8 {
	if p := r.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if p := r.take(2); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if p := r.take(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if p := r.take(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

func (r *reader) bool() bool {
	v := r.u8()
	r.check(v <= 1)
	return v == 1
}

func (r *reader) str8() string      { return string(r.take(int(r.u8()))) }
func (r *reader) str16() string     { return string(r.take(int(r.u16()))) }
func (r *reader) array16() [16]byte { return [16]byte(r.fixed(16)) }
func (r *reader) array32() [32]byte { return [32]byte(r.fixed(32)) }
func (r *reader) bytes32(max int) []byte {
	n := r.u32()
	r.check(uint64(n) <= uint64(max))
	return r.take(int(n))
}

// fixed is take for conversion to an array: it never returns less than n bytes.
func (r *reader) fixed(n int) []byte {
	if p := r.take(n); p != nil {
		return p
	}
	return make([]byte, n)
}

// maxMicro keeps times within what time.Time converts without loss: year 9999.
const maxMicro = 253402300799_999_999

func (r *reader) time() time.Time {
	v := r.u64()
	r.check(v <= maxMicro)
	if r.failed || v == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(v)).UTC()
}

func (r *reader) duration() time.Duration {
	v := r.u64()
	r.check(v <= uint64(MaxTTL.Microseconds()))
	if r.failed {
		return 0
	}
	return time.Duration(v) * time.Microsecond
}

// done reports whether everything was read and nothing failed.
func (r *reader) done() error {
	if r.failed || len(r.b) != 0 {
		return errMalformed
	}
	return nil
}
