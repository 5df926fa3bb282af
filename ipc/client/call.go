package client

import (
	"context"
	"errors"
	"os"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/frame"
	"github.com/vaultd/vaultd/vault/fault"
)

// call performs one method and decodes its answer into resp.
//
// A request that cannot have reached the daemon whole, because the daemon ended
// and closed the connection before it read it, is sent once more over a new
// connection. One that may have been performed is repeated only if that
// changes nothing.
func (c *Client) call(ctx context.Context, method vaultdv1.Method, req, resp message) error {
	if err := ctx.Err(); err != nil {
		return timedOut(ctx)
	}
	w, isNew, err := c.take(ctx, false)
	if err != nil {
		return err
	}
	err = c.exchange(ctx, w, method, req, resp)
	if err == nil || isNew && !errors.Is(err, errNotSent) || ctx.Err() != nil {
		return c.explain(ctx, err)
	}
	var answered *fault.Error
	if errors.As(err, &answered) || errors.Is(err, os.ErrDeadlineExceeded) {
		return c.explain(ctx, err)
	}
	if !errors.Is(err, errNotSent) && changes(method) {
		return c.explain(ctx, err)
	}
	c.dropIdle()
	if w, _, err = c.take(ctx, true); err != nil {
		return err
	}
	return c.explain(ctx, c.exchange(ctx, w, method, req, resp))
}

// exchange sends a request over w, reads the answer, and gives w back, or
// drops it when it is out of step.
func (c *Client) exchange(ctx context.Context, w *wire, method vaultdv1.Method, req, resp message) error {
	var timeout time.Duration
	if deadline, ok := ctx.Deadline(); ok {
		timeout = max(time.Until(deadline), time.Millisecond)
		w.bound(max(timeout, time.Second))
	} else {
		w.bound(c.timeout)
	}
	stop := func() bool { return true }
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, func() { _ = w.conn.SetDeadline(time.Unix(1, 0)) })
	}
	err := w.send(uint16(method), timeout, req) //nolint:gosec // a small enumeration
	if err == nil {
		err = w.receive(func(status uint8, body []byte) error {
			if status == frame.StatusOK {
				if err := resp.UnmarshalVT(body); err != nil {
					return fault.E(fault.CodeInternal, "the daemon's answer does not decode").Because(err)
				}
				return nil
			}
			return decodeFault(body)
		})
	}
	var answered *fault.Error
	if inStep := err == nil || errors.As(err, &answered); stop() && inStep {
		c.put(w)
	} else {
		c.drop(w)
	}
	return err
}

// changes reports whether repeating a method could do something twice.
func changes(method vaultdv1.Method) bool {
	switch method {
	case vaultdv1.Method_METHOD_STATUS, vaultdv1.Method_METHOD_LIST_BACKUPS,
		vaultdv1.Method_METHOD_SHOW_KEY, vaultdv1.Method_METHOD_LIST_KEYS,
		vaultdv1.Method_METHOD_PUBLIC_KEY, vaultdv1.Method_METHOD_EXPORT_KEY,
		vaultdv1.Method_METHOD_ENCRYPT, vaultdv1.Method_METHOD_DECRYPT,
		vaultdv1.Method_METHOD_SIGN, vaultdv1.Method_METHOD_VERIFY,
		vaultdv1.Method_METHOD_MAC, vaultdv1.Method_METHOD_VERIFY_MAC,
		vaultdv1.Method_METHOD_AGREE, vaultdv1.Method_METHOD_DERIVE,
		vaultdv1.Method_METHOD_GENERATE_DATA_KEY, vaultdv1.Method_METHOD_RANDOM, vaultdv1.Method_METHOD_KEY_CENSUS,
		vaultdv1.Method_METHOD_SHOW_OWNER, vaultdv1.Method_METHOD_LIST_OWNERS,
		vaultdv1.Method_METHOD_LIST_APPROVALS, vaultdv1.Method_METHOD_AWAIT_APPROVAL,
		vaultdv1.Method_METHOD_LIST_REVOCATIONS, vaultdv1.Method_METHOD_CHECK_REVOCATION:
		return false
	}
	return true
}

// decodeFault is the error that a daemon answered.
func decodeFault(body []byte) error {
	var p vaultdv1.Error
	if err := p.UnmarshalVT(body); err != nil || p.Code == "" {
		return fault.E(fault.CodeInternal, "the daemon's error does not decode")
	}
	return &fault.Error{Code: fault.Code(p.Code), Message: p.Message, Hint: p.Hint, Ref: p.Ref}
}

// explain turns what went wrong with a connection into an error for users.
func (c *Client) explain(ctx context.Context, err error) error {
	var answered *fault.Error
	switch {
	case err == nil, errors.As(err, &answered):
		return err
	case ctx.Err() != nil:
		return timedOut(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault.E(fault.CodeTimeout, "the daemon did not answer within %v", c.timeout).Because(err)
	case errors.Is(err, errNotSent):
		return fault.E(fault.CodeUnreachable, "the daemon at %s does not take requests", c.socket).
			WithHint("is it being restarted?").Because(err)
	}
	return fault.E(fault.CodeUnreachable, "the connection to the daemon broke before it answered").
		WithHint("whether the request was performed is unknown; look before trying again").Because(err)
}

func timedOut(ctx context.Context) error {
	return fault.E(fault.CodeTimeout, "the call was given up: %v", ctx.Err()).Because(context.Cause(ctx))
}

// Failure is the error of one result of a batch, nil for an answer.
func Failure(result *vaultdv1.BatchResult) error {
	if p := result.GetError(); p != nil {
		return &fault.Error{Code: fault.Code(p.GetCode()), Message: p.GetMessage(), Hint: p.GetHint(), Ref: p.GetRef()}
	}
	return nil
}
