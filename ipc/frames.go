package ipc

import (
	"context"
	"errors"
	"os"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/vaultd/vaultd/ipc/frame"
	"github.com/vaultd/vaultd/vault/fault"
)

// flushAt is how many bytes of answers are collected before they are sent
// although further requests are waiting.
const flushAt = 32 << 10

// frameConn serves the frame form: requests are handled one after the other
// where they lie in the read buffer, and answers collected while more requests
// are there, so that a client that pipelines costs few system calls.
type frameConn struct {
	*conn
	ctx  context.Context
	call *call
	out  []byte              // answers not yet sent
	held int                 // memory taken for large answers in out
	reqs map[*method]message // reused from request to request

	readUntil, writeUntil time.Time // the deadlines in force
	begun                 time.Time // when the first byte of a frame not yet complete was seen
}

func (s *Server) serveFrames(c *conn) {
	f := &frameConn{conn: c, call: &call{form: FormFrames}, reqs: make(map[*method]message)}
	f.ctx = context.WithValue(s.base, callKey{}, f.call)
	defer func() {
		c.buffer.Release()
		clear(f.out[:cap(f.out)])
		clear(f.call.scratch[:cap(f.call.scratch)])
		f.giveBack()
		_ = c.Close()
		if f.call.closing != nil {
			f.call.closing()
		}
	}()
	for len(c.buffer.Bytes()) < len(frame.Preface) {
		if c.buffer.Fill(c.UnixConn) != nil {
			return
		}
	}
	if string(c.buffer.Bytes()[:len(frame.Preface)]) != frame.Preface {
		return
	}
	c.buffer.Consume(len(frame.Preface))
	for f.next() {
	}
	_ = f.flush()
}

// next handles one request, or waits for more bytes. It reports false when the
// connection is over.
func (f *frameConn) next() bool {
	b, largest := f.buffer.Bytes(), f.server.limits().MessageSize
	f.buffer.Max = largest + frame.RequestHeader
	header, complete, err := frame.ParseRequest(b, largest)
	switch {
	case errors.Is(err, frame.ErrTooLarge):
		return f.fail(fault.E(fault.CodeTooLarge, "a request has at most %d bytes", largest))
	case err != nil:
		return f.fail(fault.E(fault.CodeBadArgument, "malformed frame"))
	case !complete || len(b) < frame.RequestHeader+header.Size:
		return f.more(len(b) > 0)
	}
	f.begun = time.Time{}
	f.handle(header, b[frame.RequestHeader:frame.RequestHeader+header.Size])
	f.buffer.Consume(frame.RequestHeader + header.Size)
	return len(f.out) < flushAt || f.flush()
}

// fail answers a frame after which the connection is out of step.
func (f *frameConn) fail(e *fault.Error) bool {
	f.out = appendFault(f.out, e)
	return false
}

// more sends what is answered and reads on. A request that has begun must
// arrive within RequestTimeout; between requests there is IdleTimeout.
func (f *frameConn) more(begun bool) bool {
	if !f.flush() {
		return false
	}
	now := time.Now()
	switch {
	case !begun:
		f.setReadDeadline(now, f.server.limits().IdleTimeout)
	case f.begun.IsZero():
		f.begun = now
		f.readUntil = now.Add(f.server.limits().RequestTimeout)
		_ = f.SetReadDeadline(f.readUntil)
	}
	if f.server.draining.Load() {
		return false
	}
	err := f.buffer.Fill(f.UnixConn)
	switch {
	case err == nil:
		return true
	case errors.Is(err, frame.ErrNoMemory):
		return f.fail(errNoMemory)
	case errors.Is(err, os.ErrDeadlineExceeded) && begun && !f.server.draining.Load():
		return f.fail(fault.E(fault.CodeTimeout, "the request did not arrive in time"))
	}
	return false
}

// setReadDeadline gives the peer about d. Changing a deadline costs more than
// asking for the time, so that one with most of d left is kept.
func (f *frameConn) setReadDeadline(now time.Time, d time.Duration) {
	if left := f.readUntil.Sub(now); left < d-d/8 || left > d {
		f.readUntil = now.Add(d)
		_ = f.SetReadDeadline(f.readUntil)
	}
}

// handle performs one request and appends its answer to out.
func (f *frameConn) handle(header frame.Request, body []byte) {
	m := methodByNumber(header.Method)
	if m == nil {
		f.out = appendFault(f.out, fault.E(fault.CodeUnknownMethod, "this daemon has no method %d", header.Method))
		return
	}
	if m.slow && !f.flush() { // those before must not wait for it
		return
	}
	req := f.reqs[m]
	if req == nil {
		req = m.newRequest()
		f.reqs[m] = req
	}
	defer req.Reset()
	if len(body) > maxParts*leastPart && crowded(body, req.(proto.Message)) {
		f.out = appendFault(f.out, tooManyParts())
		return
	}
	var err error
	if m.aliases {
		err = req.UnmarshalVTUnsafe(body)
	} else {
		err = req.UnmarshalVT(body)
	}
	if err != nil {
		f.out = appendFault(f.out, fault.E(fault.CodeBadArgument, "the message is no %s request", m.name))
		return
	}
	ctx, cancel := f.server.limitTime(f.ctx, m, header.Timeout)
	defer cancel()
	f.call.is(f.identify())
	resp, failure := f.server.measure(ctx, f.call, m, req)
	if failure != nil {
		f.out = appendFault(f.out, failure)
	} else {
		f.answer(resp)
		m.wipe(resp)
	}
	m.wipe(req)
	clear(f.call.scratch)
	f.call.scratch = f.call.scratch[:0]
	if cap(f.call.scratch) > flushAt {
		f.call.scratch = nil
	}
}

// answer encodes resp behind its header.
func (f *frameConn) answer(resp message) {
	size := resp.SizeVT()
	if size > 2*f.server.limits().MessageSize {
		f.out = appendFault(f.out, fault.E(fault.CodeTooLarge, "the answer has %d bytes, which is too many", size))
		return
	}
	if size > flushAt {
		if !f.server.admission.grow(f.uid, f.rank(), size) {
			f.out = appendFault(f.out, errNoMemory)
			return
		}
		f.held += size
	}
	start := len(f.out)
	f.out = extend(f.out, frame.ResponseHeader+size)
	frame.PutResponse(f.out[start:], frame.Response{Size: size, Status: frame.StatusOK})
	if _, err := resp.MarshalToSizedBufferVT(f.out[start+frame.ResponseHeader:]); err != nil {
		f.out = appendFault(f.out[:start], fault.E(fault.CodeInternal, "the answer does not encode"))
	}
}

// extend lengthens b by n bytes. An array that is left behind is overwritten,
// since answers carry secrets.
func extend(b []byte, n int) []byte {
	if cap(b)-len(b) >= n {
		return b[:len(b)+n]
	}
	grown := make([]byte, len(b)+n, max(4<<10, len(b)+n, 2*cap(b)))
	copy(grown, b)
	clear(b)
	return grown
}

// flush sends what is answered and overwrites it. It reports false when the
// client does not take it.
func (f *frameConn) flush() bool {
	if len(f.out) == 0 {
		return true
	}
	d := f.server.limits().WriteTimeout
	if now := time.Now(); f.writeUntil.Sub(now) < d/2 {
		f.writeUntil = now.Add(d)
		_ = f.SetWriteDeadline(f.writeUntil)
	}
	_, err := f.UnixConn.Write(f.out)
	clear(f.out)
	if f.out = f.out[:0]; cap(f.out) > 2*flushAt {
		f.out = nil
	}
	f.giveBack()
	return err == nil
}

// giveBack returns the memory that large answers took.
func (f *frameConn) giveBack() {
	if f.held > 0 {
		f.server.admission.grow(f.uid, f.rank(), -f.held)
		f.held = 0
	}
}
