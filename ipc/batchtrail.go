package ipc

import (
	"context"
	"strconv"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// tally counts the items of a batch whose records would be the same.
type tally struct {
	began   time.Time
	lines   []*tallied
	lineOf  map[sameRecord]*tallied
	failed  int
	lastKey sameRecord
	last    *tallied
}

// tallied is one record for several items.
type tallied struct {
	record audit.Record
	items  int
}

// sameRecord is everything in which records of one batch can differ.
type sameRecord struct {
	action        policy.Action
	first, second policy.Resource
	from, to      uint32 // versions
	code          fault.Code
	ref           string
	decision      policy.Decision
	wrappedOnly   bool
	stated        int64 // second, 0 for none
}

// count takes an item into the tally, and returns the refusal of one that the
// audit hook refuses.
func (b *batch) count(ctx context.Context, m *method, t *targets, d policy.Decision, req, answer message, failure *fault.Error) *fault.Error {
	if failure != nil {
		b.tally.failed++
		if b.meter != nil {
			b.meter.itemRefused(failure.Code)
		}
	} else {
		b.noteUse(m)
	}
	if b.audit == nil && b.trail == nil {
		return nil
	}
	e := Event{Who: b.call.who, Action: m.action, Resources: t.list(), Decision: d, Form: b.call.form}
	same := sameRecord{action: m.action, first: t.resources[0], second: t.resources[1], decision: d}
	if failure != nil {
		e.Code, e.Ref = failure.Code, failure.Ref
		same.code, same.ref = e.Code, e.Ref
	}
	if b.audit != nil {
		if err := b.audit(ctx, e); err != nil {
			return b.fault(ctx, b.call, m, err)
		}
	}
	if b.trail == nil {
		return nil
	}
	if !b.call.stated.IsZero() {
		same.stated = b.call.stated.Unix()
	}
	switch a := answer.(type) {
	case *vaultdv1.RewrapResponse:
		same.from, same.to = a.GetFromVersion(), a.GetVersion()
	case interface{ GetVersion() uint32 }:
		same.from = a.GetVersion()
	}
	if q, ok := req.(*vaultdv1.GenerateDataKeyRequest); ok {
		same.wrappedOnly = q.GetWrappedOnly()
	}
	if b.tally.last == nil || b.tally.lastKey != same {
		b.tally.lastKey, b.tally.last = same, b.line(same, &e, req, answer)
	}
	b.tally.last.items++
	return nil
}

// line is the record that items like this one share.
func (b *batch) line(same sameRecord, e *Event, req, answer message) *tallied {
	if l := b.tally.lineOf[same]; l != nil {
		return l
	}
	l := &tallied{record: record(e)}
	b.trail.describe(b.call, &l.record, req, answer)
	if b.tally.lineOf == nil {
		b.tally.lineOf = make(map[sameRecord]*tallied)
	}
	b.tally.lineOf[same] = l
	b.tally.lines = append(b.tally.lines, l)
	return l
}

// record puts the tally into the audit log, before anything is answered. Without
// a record nothing is given to anybody.
func (b *batch) record(items int) error {
	if b.trail == nil {
		return nil
	}
	id := b.trail.run + strconv.FormatUint(b.trail.next.Add(1), 10)
	b.call.batch = batchUse{ID: id, Items: items, Failed: b.tally.failed}
	took := time.Since(b.tally.began)
	for _, l := range b.tally.lines {
		l.record.Duration = took
		l.record.Extra = append(l.record.Extra,
			audit.Field{Name: "batch", Value: id}, audit.Field{Name: "items", Value: strconv.Itoa(l.items)})
		if err := b.trail.log.AppendHot(l.record); err != nil {
			return unrecorded(err)
		}
	}
	return nil
}

// batchUse is what the record of a batch as a whole says of it.
type batchUse struct {
	ID     string // that the records of its items have too
	Items  int
	Failed int
}

func (u *batchUse) fields() []audit.Field {
	return []audit.Field{
		{Name: "batch", Value: u.ID},
		{Name: "items", Value: strconv.Itoa(u.Items)},
		{Name: "failed", Value: strconv.Itoa(u.Failed)},
	}
}
