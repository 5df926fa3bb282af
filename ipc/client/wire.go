package client

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/vaultd/vaultd/ipc/frame"
)

// errNotSent says that the daemon cannot have received the whole request, so
// that it may be sent again, whatever it does.
var errNotSent = errors.New("the request was not sent")

// message is what every generated request and response can do.
type message interface {
	SizeVT() int
	MarshalToSizedBufferVT([]byte) (int, error)
	UnmarshalVT([]byte) error
}

// wire is one connection. One call at a time uses it.
type wire struct {
	conn  net.Conn
	in    frame.Buffer
	out   []byte
	until time.Time // the deadline in force
}

func newWire(conn net.Conn) *wire {
	w := &wire{conn: conn, out: make([]byte, 0, 1<<10)}
	w.in.Max = maxAnswer + frame.ResponseHeader
	w.out = append(w.out, frame.Preface...) // travels with the first request
	return w
}

func (w *wire) close() {
	_ = w.conn.Close()
	w.in.Release()
	clear(w.out[:cap(w.out)])
}

// bound gives the next exchange between d and 4/3 d. Changing a deadline costs
// more than looking at the clock, so that one that is far enough is kept.
func (w *wire) bound(d time.Duration) {
	if now := time.Now(); w.until.Sub(now) < d || w.until.Sub(now) > d+d/2 {
		w.until = now.Add(d + d/3)
		_ = w.conn.SetDeadline(w.until)
	}
}

// send writes one request. Its error is errNotSent: a frame that did not leave
// whole is never performed. Without an error there is an answer to receive.
func (w *wire) send(method uint16, timeout time.Duration, req message) error {
	size := req.SizeVT()
	start := len(w.out)
	w.out = frame.AppendRequest(w.out, frame.Request{Size: size, Method: method, Timeout: timeout})
	end := len(w.out) + size
	if cap(w.out) < end {
		grown := make([]byte, len(w.out), end)
		copy(grown, w.out)
		w.out = grown
	}
	w.out = w.out[:end]
	defer func() {
		clear(w.out[start:])
		if w.out = w.out[:0]; cap(w.out) > 64<<10 {
			w.out = nil
		}
	}()
	if _, err := req.MarshalToSizedBufferVT(w.out[end-size:]); err != nil {
		return errors.Join(errNotSent, err)
	}
	if _, err := w.conn.Write(w.out); err != nil && !w.answered() {
		return errors.Join(errNotSent, err)
	}
	return nil
}

// answered reports whether the daemon has answered, after a request could not
// be written to its end: it refuses one that is too large without reading on.
func (w *wire) answered() bool {
	_ = w.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	w.until = time.Time{}
	for {
		b := w.in.Bytes()
		header, complete, err := frame.ParseResponse(b, maxAnswer)
		if err != nil || complete && len(b) >= frame.ResponseHeader+header.Size {
			return err == nil
		}
		if w.in.Fill(w.conn) != nil {
			return false
		}
	}
}

// receive reads one answer and hands its status and bytes to use, which must
// not keep them.
func (w *wire) receive(use func(status uint8, body []byte) error) error {
	for {
		b := w.in.Bytes()
		header, complete, err := frame.ParseResponse(b, maxAnswer)
		if err != nil {
			return err
		}
		if complete && len(b) >= frame.ResponseHeader+header.Size {
			err := use(header.Status, b[frame.ResponseHeader:frame.ResponseHeader+header.Size])
			w.in.Consume(frame.ResponseHeader + header.Size)
			return err
		}
		if err := w.in.Fill(w.conn); err != nil {
			switch {
			case err == io.EOF:
				return io.ErrUnexpectedEOF
			case errors.Is(err, syscall.ECONNRESET) && len(b) == 0:
				// The kernel says so when the daemon closed the socket with
				// the request, or a part of it, unread; else it says EOF.
				return errors.Join(errNotSent, err)
			}
			return err
		}
	}
}
