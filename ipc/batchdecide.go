package ipc

import (
	"encoding/binary"

	"github.com/vaultd/vaultd/vault/policy"
)

// question is all that a decision of one caller can depend on within a batch. The
// type and the labels of a key go with its name.
type question struct {
	action   policy.Action
	resource policy.Resource
	context  string // as it will be bound; empty where no grant asks for any
}

// verdict is what was decided, and the error for who was denied.
type verdict struct {
	decision policy.Decision
	refusal  error
}

// decided are the decisions made in a batch.
type decided struct {
	set   *policy.Set // by which they were made
	known map[question]verdict

	last   question // most batches ask one thing over and over
	answer verdict
}

// decide makes each decision once. Where grants count their uses each item is
// decided by itself, so that each counts.
func (b *batch) decide(m *method, action policy.Action, says message, r policy.Resource) verdict {
	set := b.policy.Set()
	if b.decided.set != set { // grants have changed meanwhile
		b.decided = decided{set: set}
	}
	q := question{action: action, resource: r}
	var at *policy.Attributes
	if set.NeedsAttributes() {
		if at = b.service.attributes(b.call, m, says, r); at == nil {
			return b.decideNow(m, action, r, nil)
		}
		q.context = pairsText(at.Context)
	}
	// Nor is an alias decided as its key was: one and the same decision would tell
	// who is denied that they are one.
	if set.CountsUses() || b.call.aliases.n > 0 {
		return b.decideNow(m, action, r, at)
	}
	if b.decided.last == q { // a question has an action, so that this is none at first
		return b.decided.answer
	}
	v, ok := b.decided.known[q]
	if !ok {
		v = b.decideNow(m, action, r, at)
		if b.decided.known == nil {
			b.decided.known = make(map[question]verdict)
		}
		b.decided.known[q] = v
	}
	b.decided.last, b.decided.answer = q, v
	return v
}

// decideNow decides one item. What is under four eyes is none that a batch can
// have, and would be denied here.
func (b *batch) decideNow(m *method, action policy.Action, r policy.Resource, at *policy.Attributes) verdict {
	v := verdict{decision: b.call.caller.Decide(action, r, at)}
	if !v.decision.Allowed {
		v.refusal = b.denied(b.call, m, action, r, at, v.decision)
	}
	return v
}

// pairsText has one reading for one list of pairs.
func pairsText(pairs []policy.Pair) string {
	if len(pairs) == 0 {
		return ""
	}
	var b []byte
	for _, p := range pairs {
		for _, s := range [...]string{p.Name, p.Value} {
			b = binary.BigEndian.AppendUint32(b, uint32(len(s))) //nolint:gosec // bounded by a message
			b = append(b, s...)
		}
	}
	return string(b)
}
