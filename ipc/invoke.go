package ipc

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// Form is a wire form of the protocol.
type Form string

// The forms.
const (
	FormFrames Form = "frames"
	FormHTTP   Form = "http"
)

// Event is one request, as the audit hook is told of it.
type Event struct {
	Who       *policy.Principal
	Action    policy.Action
	Resources []policy.Resource // what it touches; valid during the call only
	Decision  policy.Decision   // the one that refused, or the last that allowed
	Code      fault.Code        // empty when the request was performed
	Took      time.Duration
	Form      Form
}

// call is what steps of one request share beside the message. A frame
// connection reuses one for all its requests.
type call struct {
	who     *policy.Principal
	form    Form
	scratch []byte // room for an answer's bytes, overwritten once it is encoded
	held    []message
}

type callKey struct{}

// callFrom is the call that ctx belongs to.
func callFrom(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// limitTime bounds a request's time. Fast methods, which wait for nothing, go
// without: they take microseconds, and a timer would double that.
func (s *Server) limitTime(ctx context.Context, m *method, asked time.Duration) (context.Context, context.CancelFunc) {
	if m.fast {
		return ctx, func() {}
	}
	if asked <= 0 || asked > s.limits.RequestTimeout {
		asked = s.limits.RequestTimeout
	}
	return context.WithTimeout(ctx, asked)
}

// invoke is the one line of steps that every request takes, whatever its form:
// find what it touches, authorize, perform, record.
func (s *Server) invoke(ctx context.Context, c *call, m *method, req message) (resp message, failure *fault.Error) {
	var started time.Time
	if s.audit != nil {
		started = time.Now()
	}
	var t targets
	var decision policy.Decision
	resp, err := s.perform(ctx, c, m, req, &t, &decision)
	if err != nil {
		failure = s.fault(ctx, c, m, err)
	}
	if s.audit == nil {
		return resp, failure
	}
	event := Event{
		Who: c.who, Action: m.action, Resources: t.list(), Decision: decision,
		Took: time.Since(started), Form: c.form,
	}
	if failure != nil {
		event.Code = failure.Code
	}
	if err := s.audit(ctx, event); err != nil {
		if resp != nil {
			m.wipe(resp)
		}
		return nil, s.fault(ctx, c, m, err)
	}
	return resp, failure
}

// perform authorizes and runs the request. A panic below ends the request,
// not the daemon.
func (s *Server) perform(ctx context.Context, c *call, m *method, req message, t *targets, d *policy.Decision) (resp message, err error) {
	defer func() {
		if p := recover(); p != nil {
			// The value is left out: it may hold what the request held.
			s.log.Error("a request panicked", "method", m.name, "stack", string(debug.Stack()))
			resp, err = nil, fault.E(fault.CodeInternal, "internal error")
		}
	}()
	if err := m.targets(s.service, c.who, req, t); err != nil {
		return nil, err
	}
	for _, r := range t.list() {
		if *d = s.policy.Authorize(c.who, m.action, r); !d.Allowed {
			return nil, denied(c.who, m)
		}
	}
	if m.expensive != nil && m.expensive(s.service, req) {
		done, err := s.admission.expensive(ctx, c.who.UID, s.rankOf(c.who))
		if err != nil {
			return nil, err
		}
		defer done()
	}
	return m.serve(s.service, ctx, req)
}

func (s *Server) rankOf(who *policy.Principal) rank {
	if who.UID == 0 {
		return rankRoot
	}
	if _, admin := s.policy.IsAdmin(who); admin {
		return rankAdmin
	}
	return rankUser
}

// denied says nothing of the key: its existence is the owner's affair.
func denied(who *policy.Principal, m *method) error {
	e := fault.E(fault.CodePermissionDenied, "permission denied")
	rule, _ := policy.ForMethod(m.name)
	switch {
	case rule.Scope == policy.ScopeAdmin:
		return e.WithHint("this is for administrators: root, the daemon's user, or a member of its admin group")
	case who.User == "":
		return e.WithHint("uid %d has no account on this machine and so owns no keys", who.UID)
	}
	return e.WithHint("your keys are those named %s/…", who.User)
}
