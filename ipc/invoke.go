package ipc

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/vaultd/vaultd/vault"
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
	About     string            // the uid that is decided on, empty for none
	Decision  policy.Decision   // the one that refused, or the last that allowed
	Code      fault.Code        // empty when the request was performed
	Ref       string            // id of the decision that refused, see fault.Error
	Took      time.Duration
	Form      Form

	approval approvalUse
	aliases  aliases
}

// call is what steps of one request share beside the message. A frame
// connection reuses one for all its requests.
type call struct {
	who      *policy.Principal
	caller   *policy.Caller
	standing *standing // of who; nil in tests that need none
	conn     *conn     // of the HTTP form

	room    attributes
	form    Form
	peer    vault.Peer
	used    uint32    // version of the key that was used, where the answer does not say
	stated  time.Time // what the caller said of the age of data; zero for nothing
	scratch []byte    // room for an answer's bytes, overwritten once it is encoded
	held    []message
	closing func() // called when a frame connection ends; nil for nothing

	record     string // pairs the two audit records of a change; empty without a first one
	care       care
	unrecorded bool // an audit record would be one too many
	approval   approvalUse
	aliases    aliases  // that the request named
	batch      batchUse // of a batch that was performed
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
	if longest := s.limits().RequestTimeout; asked <= 0 || asked > longest {
		asked = longest
	}
	return context.WithTimeout(ctx, asked)
}

// invoke is the one line of steps that every request takes, whatever its form:
// find what it touches, complete its context, authorize, perform, record.
func (s *Server) invoke(ctx context.Context, c *call, m *method, req message) (resp message, failure *fault.Error) {
	if s.rates.apply(m) {
		if failure := s.tooOften(c, m); failure != nil {
			return nil, failure
		}
	}
	recorded := s.audit != nil || s.trail != nil
	var started time.Time
	if recorded {
		started = time.Now()
	}
	var t targets
	var decision policy.Decision
	c.stated = time.Time{}
	c.record, c.unrecorded, c.care, c.used, c.approval = "", false, m.care, 0, approvalUse{}
	resp, err := s.perform(ctx, c, m, req, &t, &decision)
	if err != nil {
		failure = s.fault(ctx, c, m, err)
	} else {
		s.noteUse(m)
	}
	if !recorded {
		return resp, failure
	}
	event := Event{
		Who: c.who, Action: m.action, Resources: t.list(), About: t.about, Decision: decision,
		Took: time.Since(started), Form: c.form, approval: c.approval, aliases: c.aliases,
	}
	if failure != nil {
		event.Code, event.Ref = failure.Code, failure.Ref
	}
	if err := s.recordAfter(ctx, c, &event, req, resp); err != nil {
		if resp != nil {
			m.wipe(resp)
		}
		return nil, s.fault(ctx, c, m, err)
	}
	return resp, failure
}

// recordBefore records what is about to be performed.
func (s *Server) recordBefore(ctx context.Context, c *call, m *method, t *targets, d policy.Decision) error {
	if s.trail == nil {
		return nil
	}
	return s.trail.before(ctx, c, &Event{
		Who: c.who, Action: m.action, Resources: t.list(), About: t.about, Decision: d, Form: c.form, approval: c.approval,
		aliases: c.aliases,
	})
}

// recordAfter records how a request ended.
func (s *Server) recordAfter(ctx context.Context, c *call, e *Event, req, resp message) error {
	if s.audit != nil {
		if err := s.audit(ctx, *e); err != nil {
			return err
		}
	}
	if s.trail == nil {
		return nil
	}
	return s.trail.after(ctx, c, e, req, resp)
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
	s.service.resolve(c, req)
	if err := m.targets(s.service, c.who, req, t); err != nil {
		return nil, err
	}
	if m.binds {
		if err := complete(req, c.asPeer()); err != nil {
			return nil, err
		}
	}
	for i, r := range t.list() {
		as := m
		if i == 0 && m.first != nil {
			as = m.first
		}
		action, says := t.ask(i, as, req)
		var at *policy.Attributes
		if s.policy.Set().NeedsAttributes() {
			at = s.service.attributes(c, as, says, r)
		}
		*d = c.caller.Decide(action, r, at)
		if !d.Allowed && d.Rule == policy.RuleFourEyes {
			if err := s.fourEyes(c, as, req, r, at, d); err != nil {
				return nil, err
			}
		}
		if !d.Allowed {
			return nil, s.denied(c, as, action, r, at, *d)
		}
	}
	if err := s.judgeFirst(c, m); err != nil {
		return nil, err
	}
	if s.trail != nil {
		if err := s.recordBefore(ctx, c, m, t, *d); err != nil {
			return nil, err
		}
	}
	if m.expensive != nil && m.expensive(s.service, req) {
		done, err := s.admission.expensive(ctx, c.who.UID, s.rankOf(c.who))
		if err != nil {
			return nil, err
		}
		defer done()
	}
	resp, err = m.serve(s.service, ctx, req)
	return resp, c.aliases.named(err)
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

// denied says nothing of the key: its existence is the owner's affair. The id
// of the decision leads to its reasons.
func (s *Server) denied(c *call, m *method, action policy.Action, r policy.Resource, at *policy.Attributes, d policy.Decision) error {
	id := s.service.note(c.who, action, c.aliases.asNamed(r), at, d)
	s.log.Info("denied", "decision", id, "action", string(action), "uid", c.who.UID, "rule", d.Rule, "grant", d.Grant)
	e := deniedHint(c.who, m, d)
	if d.Rule == policy.RuleChanged {
		e = changedFault(c.who, c.standing)
	}
	return e.WithHint("%s; 'vaultctl explain %s' says more", e.Hint, id).About(id)
}

func deniedHint(who *policy.Principal, m *method, d policy.Decision) *fault.Error {
	e := fault.E(fault.CodePermissionDenied, "permission denied")
	switch d.Rule {
	case policy.RuleDeny:
		return e.WithHint("a grant denies it")
	case policy.RuleExhausted:
		return e.WithHint("the grant that would allow it is used up")
	}
	rule, _ := policy.ForMethod(m.name)
	switch {
	case rule.Scope == policy.ScopeAdmin:
		return e.WithHint("this is for administrators: root, the daemon's user, or a member of its admin group")
	case who.User == "":
		return e.WithHint("uid %d has no account on this machine and so owns no keys", who.UID)
	}
	return e.WithHint("your keys are those named %s/…", who.User)
}
