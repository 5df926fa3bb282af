package frame

import (
	"encoding/binary"
	"errors"
	"time"
)

// Preface opens a frame connection. Its first byte can begin no HTTP request,
// its last is the version of the framing.
const Preface = "\x00VD\x01"

// Sizes of what travels before a message.
const (
	RequestHeader  = 12 // length, method, flags, timeout
	ResponseHeader = 5  // length, status
)

// StatusOK is the status of a response that carries the method's answer.
// Every other status is the class of the vaultd.v1.Error that it carries.
const StatusOK = 0

// Errors of the parsers. After any of them the connection is out of step and
// must be closed.
var (
	// ErrTooLarge says that a frame announces more bytes than the reader takes.
	ErrTooLarge = errors.New("frame is too large")
	// ErrMalformed says that a frame is too short for its header or has flags that nobody defined.
	ErrMalformed = errors.New("malformed frame")
	// ErrNoMemory says that the memory set aside for messages is in use.
	ErrNoMemory = errors.New("no memory for the message")
)

// Request is the header of a request. Its encoding is
//
//	u32 length of everything after this field | u16 method | u16 flags, zero | u32 timeout in milliseconds
//
// in big-endian order, followed by the message.
type Request struct {
	Size    int           // of the message
	Method  uint16        // vaultd.v1.Method
	Timeout time.Duration // 0 is the server's default
}

// AppendRequest appends the header to dst. A timeout is rounded up to a
// millisecond and bounded by what the field holds; one that has run out
// becomes one millisecond, since zero means none.
func AppendRequest(dst []byte, r Request) []byte {
	var ms uint32
	if r.Timeout != 0 {
		ms = clampMilliseconds(r.Timeout)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.Size+RequestHeader-4)) //nolint:gosec // bounded by the caller's limit
	dst = binary.BigEndian.AppendUint16(dst, r.Method)
	dst = binary.BigEndian.AppendUint16(dst, 0)
	return binary.BigEndian.AppendUint32(dst, ms)
}

func clampMilliseconds(d time.Duration) uint32 {
	ms := d / time.Millisecond
	if d%time.Millisecond > 0 {
		ms++
	}
	return uint32(min(max(ms, 1), 1<<32-1)) //nolint:gosec // clamped
}

// ParseRequest reads a header from the front of b. It reports false when b
// holds less than a header. It returns ErrTooLarge for a message of more than
// limit bytes and ErrMalformed for a header that breaks the format; both are
// found before a byte of the message is waited for.
func ParseRequest(b []byte, limit int) (Request, bool, error) {
	if len(b) < 4 {
		return Request{}, false, nil
	}
	length := binary.BigEndian.Uint32(b)
	if length < RequestHeader-4 {
		return Request{}, false, ErrMalformed
	}
	if uint64(length) > uint64(limit)+RequestHeader-4 {
		return Request{}, false, ErrTooLarge
	}
	if len(b) < RequestHeader {
		return Request{}, false, nil
	}
	if binary.BigEndian.Uint16(b[6:]) != 0 {
		return Request{}, false, ErrMalformed
	}
	return Request{
		Size:    int(length) - (RequestHeader - 4),
		Method:  binary.BigEndian.Uint16(b[4:]),
		Timeout: time.Duration(binary.BigEndian.Uint32(b[8:])) * time.Millisecond,
	}, true, nil
}

// Response is the header of a response. Its encoding is
//
//	u32 length of everything after this field | u8 status
//
// followed by the method's answer, or by a vaultd.v1.Error.
type Response struct {
	Size   int // of the message
	Status uint8
}

// PutResponse writes the header over the first ResponseHeader bytes of b, so
// that a sender can encode the message behind a gap and then fill it.
func PutResponse(b []byte, r Response) {
	binary.BigEndian.PutUint32(b, uint32(r.Size+ResponseHeader-4)) //nolint:gosec // bounded by the sender
	b[4] = r.Status
}

// ParseResponse reads a header from the front of b, as ParseRequest does.
func ParseResponse(b []byte, limit int) (Response, bool, error) {
	if len(b) < 4 {
		return Response{}, false, nil
	}
	length := binary.BigEndian.Uint32(b)
	if length < ResponseHeader-4 {
		return Response{}, false, ErrMalformed
	}
	if uint64(length) > uint64(limit)+ResponseHeader-4 {
		return Response{}, false, ErrTooLarge
	}
	if len(b) < ResponseHeader {
		return Response{}, false, nil
	}
	return Response{Size: int(length) - (ResponseHeader - 4), Status: b[4]}, true, nil
}
