package ipc

import (
	"context"
	"runtime/debug"
	"strings"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// maxBatchItems bounds a batch, beside the size of its message.
const maxBatchItems = 1000

// Batch performs several requests.
func (s *service) Batch(ctx context.Context, req *vaultdv1.BatchRequest) (*vaultdv1.BatchResponse, error) {
	return s.batch(ctx, req)
}

// batch is a batch that is being performed.
type batch struct {
	*Server
	call    *call
	decided decided
	tally   tally
	results []vaultdv1.BatchResult
	left    int // bytes that the answers to come may take
}

// answer is the result of item i.
func (b *batch) answer(i int, answer message, failure *fault.Error) {
	if failure != nil {
		b.results[i].Result = &vaultdv1.BatchResult_Error{Error: brief(toProto(failure))}
		return
	}
	put(&b.results[i], answer)
}

// brief is an error that fits what is kept free for it.
func brief(e *vaultdv1.Error) *vaultdv1.Error {
	if e.SizeVT() <= resultOverhead-resultFraming {
		return e
	}
	e.Hint = "send this item by itself to be told more"
	if over := e.SizeVT() - (resultOverhead - resultFraming); over > 0 {
		e.Message = strings.ToValidUTF8(e.Message[:max(0, len(e.Message)-over-len("…"))], "") + "…"
	}
	return e
}

// batch performs each item as if it had come by itself, one after the other, but
// that equal decisions are made once, and equal records counted in one.
func (s *Server) batch(ctx context.Context, req *vaultdv1.BatchRequest) (*vaultdv1.BatchResponse, error) {
	items := req.GetItems()
	switch {
	case len(items) == 0:
		return nil, fault.E(fault.CodeBadArgument, "the batch is empty")
	case len(items) > maxBatchItems:
		return nil, fault.E(fault.CodeTooLarge, "a batch has at most %d items, not %d", maxBatchItems, len(items)).WithHint("send several")
	}
	c := callFrom(ctx)
	b := batch{Server: s, call: c, tally: tally{began: time.Now()}}
	// Each answer takes what the one before left of the room.
	room := c.scratch
	if need := req.SizeVT()*2 + len(items)*128; cap(room) < need {
		room = make([]byte, 0, need)
	}
	c.scratch = room[:0]
	b.results = make([]vaultdv1.BatchResult, len(items))
	resp := &vaultdv1.BatchResponse{Results: make([]*vaultdv1.BatchResult, len(items))}
	for i := range b.results {
		resp.Results[i] = &b.results[i]
	}
	b.left = 2*s.limits().MessageSize - len(items)*resultOverhead
	for i := 0; i < len(items); {
		c.used, c.stated = 0, time.Time{}
		if n := b.run(ctx, items, i); n > 0 {
			i += n
			continue
		}
		answer, failure := b.item(ctx, items[i], i > 0)
		b.answer(i, answer, failure)
		c.scratch = c.scratch[len(c.scratch):]
		i++
	}
	c.scratch = room[:cap(room)] // overwritten once the answer is encoded
	c.used, c.stated, c.care = 0, time.Time{}, care{}
	if err := b.record(len(items)); err != nil {
		wipe(resp)
		return nil, err
	}
	return resp, nil
}

// resultOverhead is kept free for each result: for its error, if it has one, and of
// that resultFraming for tags and lengths around it.
const (
	resultOverhead = 512
	resultFraming  = 16
)

// item performs one item. Those behind the first count as requests of their own where
// there is a rate: counts says that this does.
func (b *batch) item(ctx context.Context, item *vaultdv1.BatchItem, counts bool) (message, *fault.Error) {
	number, req := itemOf(item)
	if req == nil {
		return nil, fault.E(fault.CodeBadArgument, "the item is no request that a batch can have")
	}
	m := byNumber[number]
	if counts && b.rates.apply(m) {
		if failure := b.tooOften(b.call, m); failure != nil {
			return nil, failure
		}
	}
	var t targets
	var d policy.Decision
	answer, err := b.perform(ctx, m, req, &t, &d)
	if err == nil {
		if err = b.takes(answer); err != nil {
			wipe(answer)
			answer = nil
		}
	}
	var failure *fault.Error
	if err != nil {
		failure = b.fault(ctx, b.call, m, err)
	}
	if refused := b.count(ctx, m, &t, d, req, answer, failure); refused != nil {
		if answer != nil {
			wipe(answer)
		}
		return nil, refused
	}
	return answer, failure
}

// takes counts an answer against what the batch's may take.
func (b *batch) takes(answer message) error {
	if b.left -= answer.SizeVT(); b.left >= 0 {
		return nil
	}
	return fault.E(fault.CodeTooLarge, "the answers of the batch would be too large").
		WithHint("this was performed, and its answer dropped: send it again, and fewer at a time")
}

// perform is [Server.perform] for what needs neither a record before nor a turn
// for slow computations.
func (b *batch) perform(ctx context.Context, m *method, req message, t *targets, d *policy.Decision) (answer message, err error) {
	defer func() {
		if p := recover(); p != nil {
			// The value is left out: it may hold what the request held.
			b.log.Error("a request panicked", "method", m.name, "stack", string(debug.Stack()))
			answer, err = nil, fault.E(fault.CodeInternal, "internal error")
		}
	}()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := m.targets(b.service, b.call.who, req, t); err != nil {
		return nil, err
	}
	if m.binds {
		if err := complete(req, b.call.asPeer()); err != nil {
			return nil, err
		}
	}
	for i, r := range t.list() {
		action, says := t.ask(i, m, req)
		v := b.decide(m, action, says, r)
		*d = v.decision
		if v.refusal != nil {
			return nil, v.refusal
		}
	}
	if err := b.judgeFirst(b.call, m); err != nil {
		return nil, err
	}
	if m.expensive != nil && m.expensive(b.service, req) {
		return nil, fault.E(fault.CodeBadArgument, "RSA key pairs are not made in a batch").WithHint("ask for each by itself")
	}
	return m.serve(b.service, ctx, req)
}
