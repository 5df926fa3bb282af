package ipc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"

	"connectrpc.com/connect"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/frame"
	"github.com/vaultd/vaultd/vault/fault"
)

// What a client is told when there is no room.
var (
	errTooManyConnections = fault.E(fault.CodeBusy, "too many connections are open").
				WithHint("close some, or raise the daemon's limits")
	errNoMemory = fault.E(fault.CodeBusy, "the memory for messages is in use").WithHint("try again in a moment")
)

// fault turns any error into one that a client may see. What is not meant for
// users is logged under a request id, and only the id is told.
func (s *Server) fault(ctx context.Context, c *call, m *method, err error) *fault.Error {
	var e *fault.Error
	switch {
	case errors.As(err, &e) && e.Code != fault.CodeInternal:
		if e.Err != nil {
			s.log.Debug("request refused", "method", m.name, "uid", c.who.UID, "code", string(e.Code), "err", e.Err)
		}
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), ctx.Err() != nil:
		return fault.E(fault.CodeTimeout, "the request did not finish in time")
	}
	var id [6]byte
	_, _ = rand.Read(id[:])
	request := hex.EncodeToString(id[:])
	cause := err
	if e != nil && e.Err != nil {
		cause = e.Err
	}
	s.log.Error("request failed", "request", request, "method", m.name, "uid", c.who.UID, "err", cause)
	return fault.E(fault.CodeInternal, "internal error in request %s", request).WithHint("look for the request in the daemon's log")
}

// toProto is e as it travels.
func toProto(e *fault.Error) *vaultdv1.Error {
	return &vaultdv1.Error{
		Code: string(e.Code), Message: e.Message, Hint: e.Hint, Exit: uint32(e.Code.Class()), Ref: e.Ref,
	}
}

// appendFault appends the frame that answers a request with e.
func appendFault(out []byte, e *fault.Error) []byte {
	p := toProto(e)
	size, start := p.SizeVT(), len(out)
	out = extend(out, frame.ResponseHeader+size)
	frame.PutResponse(out[start:], frame.Response{Size: size, Status: uint8(e.Code.Class())})
	_, _ = p.MarshalToSizedBufferVT(out[start+frame.ResponseHeader:])
	return out
}

// toConnect is e in Connect's terms, with the full error as its detail.
func toConnect(e *fault.Error) error {
	c := connect.NewError(connectCode(e.Code), errors.New(e.Error()))
	if detail, err := connect.NewErrorDetail(toProto(e)); err == nil {
		c.AddDetail(detail)
	}
	return c
}

// connectCode maps codes to the fixed set that Connect and gRPC have. Clients
// that need more than the class read the detail.
func connectCode(code fault.Code) connect.Code {
	switch code {
	case fault.CodeUnknownMethod:
		return connect.CodeUnimplemented
	case fault.CodeKeyExists, fault.CodeOwnerExists, fault.CodeSlotExists:
		return connect.CodeAlreadyExists
	case fault.CodeQuotaExceeded, fault.CodeRateLimited, fault.CodeBusy, fault.CodeUnlockThrottled, fault.CodeStorageFull:
		return connect.CodeResourceExhausted
	case fault.CodeTimeout:
		return connect.CodeDeadlineExceeded
	case fault.CodeWrongPassword:
		return connect.CodeUnauthenticated
	}
	switch code.Class() {
	case fault.ClassUsage, fault.ClassCrypto:
		return connect.CodeInvalidArgument
	case fault.ClassNotFound:
		return connect.CodeNotFound
	case fault.ClassDenied:
		return connect.CodePermissionDenied
	case fault.ClassState, fault.ClassKeyUsage:
		return connect.CodeFailedPrecondition
	case fault.ClassSealed, fault.ClassUnavailable:
		return connect.CodeUnavailable
	case fault.ClassIntegrity:
		return connect.CodeDataLoss
	case fault.ClassInternal:
	}
	return connect.CodeInternal
}
