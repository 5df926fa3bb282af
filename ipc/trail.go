package ipc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// trail writes requests to the audit log. What changes something, or gives
// material away, has a durable record before it is performed, and another one
// after: so nothing happens without a record, whenever the power goes. All else
// has one record, which may come a moment later.
type trail struct {
	log  *audit.Log
	told *slog.Logger
	run  string // begins every request id of this run
	next atomic.Uint64
}

// outcomeTime bounds the wait for the record of what was performed.
const outcomeTime = 10 * time.Second

// care is what an action wants of the audit log.
type care struct {
	first   bool // a record before it is performed
	urgent  bool // its records may use the reserve of a full disk
	lenient bool // performed although it can't be recorded
}

// cares lists the actions that want more than one record afterwards.
//
// Status has to tell of a broken log. Unsealing gives nobody anything while the
// log is broken, as all use of keys is refused, and tells what is wrong with
// the log. Sealing makes nothing worse, and nothing may keep somebody from it.
var cares = map[policy.Action]care{
	policy.Status: {lenient: true},
	policy.WhoAmI: {lenient: true},
	policy.Unseal: {first: true, urgent: true, lenient: true},
	policy.Seal:   {first: true, urgent: true, lenient: true},

	policy.DestroyKey:  {first: true, urgent: true},
	policy.RevokeKey:   {first: true, urgent: true},
	policy.RevokeOwner: {first: true, urgent: true},

	policy.Init: {first: true}, policy.ChangePassword: {first: true},
	policy.CreateKey: {first: true}, policy.RotateKey: {first: true},
	policy.ImportKey: {first: true}, policy.ExportKey: {first: true},
	policy.OfferExchange: {first: true}, policy.AcceptExchange: {first: true}, policy.FinishExchange: {first: true},
	policy.CreateOwner: {first: true}, policy.ReinstateOwner: {first: true},
	policy.AddGrant: {first: true}, policy.RemoveGrant: {first: true},
	policy.AdoptPrincipal: {first: true}, policy.RetirePrincipal: {first: true},
	policy.Approve: {first: true}, policy.Reject: {first: true},
}

func newTrail(log *audit.Log, told *slog.Logger) *trail {
	var run [6]byte
	_, _ = rand.Read(run[:])
	return &trail{log: log, told: told, run: hex.EncodeToString(run[:]) + "-"}
}

// unrecorded is the refusal of what can't be recorded.
func unrecorded(err error) *fault.Error {
	return fault.E(fault.CodeAuditUnavailable, "the audit log can't be written").
		WithHint("nothing is done that leaves no record; the daemon's log says why, and it works again by itself").Because(err)
}

// before makes the record durable that comes before e is performed. While the
// log fails, every request has one, so that nothing is performed in vain.
func (t *trail) before(ctx context.Context, c *call, e *Event) error {
	care := c.care
	if !care.first && (care.lenient || t.log.Failing() == nil) {
		return nil
	}
	r := record(e)
	r.Outcome = audit.Begun
	c.record = t.run + strconv.FormatUint(t.next.Add(1), 10)
	r.Request = c.record
	var err error
	if care.urgent {
		_, err = t.log.AppendUrgent(ctx, r)
	} else {
		_, err = t.log.Append(ctx, r)
	}
	if err == nil {
		return nil
	}
	t.told.Error("no audit record", "action", string(e.Action), "uid", e.Who.UID, "performed", care.lenient, "err", err)
	if care.lenient {
		c.record = ""
		return nil
	}
	return unrecorded(err)
}

// after records how e ended.
func (t *trail) after(ctx context.Context, c *call, e *Event, answer message) error {
	if c.unrecorded && e.Code == "" {
		return nil
	}
	care := c.care
	if e.Code == fault.CodeAuditUnavailable {
		return nil // it was tried a moment ago, and nothing was performed
	}
	r := record(e)
	r.Request = c.record
	describe(&r, answer)
	var err error
	if c.record == "" {
		if care.lenient && t.log.Failing() != nil {
			return nil // waiting for the log would hold up who wants to know about it
		}
		err = t.log.AppendHot(r)
	} else {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), outcomeTime)
		defer cancel()
		if care.urgent {
			_, err = t.log.AppendUrgent(limit, r)
		} else {
			_, err = t.log.Append(limit, r)
		}
	}
	switch {
	case err == nil:
		return nil
	case c.record == "" && !care.lenient:
		return unrecorded(err)
	case !care.urgent && !care.lenient:
		return fault.E(fault.CodeAuditUnavailable, "the outcome can't be recorded").
			WithHint("look before you try again: it may have been done").Because(err)
	}
	t.told.Error("no audit record of an outcome", "action", string(e.Action), "request", c.record, "uid", e.Who.UID, "err", err)
	return nil
}

// record is e as a line of the log.
func record(e *Event) audit.Record {
	r := audit.Record{
		Principal: audit.Principal{
			UID: e.Who.UID, User: e.Who.User, GID: e.Who.GID, PID: e.Who.PID, Exe: e.Who.Exe, Unit: e.Who.Unit,
		},
		Action: string(e.Action), Outcome: outcomeOf(e.Code), Code: string(e.Code),
		Rule: e.Decision.Rule, Form: string(e.Form), Duration: e.Took,
	}
	if r.Principal.Unit == "" {
		r.Principal.Unit = e.Who.UserUnit
	}
	if len(e.Resources) > 0 {
		r.Owner, r.Key.Name = e.Resources[0].Owner, e.Resources[0].Key
	}
	if len(e.Resources) > 1 {
		r.Extra = append(r.Extra, audit.Field{Name: "session_key", Value: e.Resources[1].String()})
	}
	if e.Decision.Grant != "" {
		r.Extra = append(r.Extra, audit.Field{Name: "grant", Value: e.Decision.Grant})
	}
	return r
}

// outcomeOf is how a request ended that was answered with code, empty for none.
func outcomeOf(code fault.Code) audit.Outcome {
	switch code {
	case "":
		return audit.Allowed
	case fault.CodePermissionDenied:
		return audit.Denied
	}
	return audit.Failed
}

// describe adds what the answer says of the key.
func describe(r *audit.Record, answer message) {
	switch a := answer.(type) {
	case nil:
	case interface{ GetKey() *vaultdv1.Key }:
		r.Key.Version = a.GetKey().GetVersion()
		r.Key.Fingerprint = newestFingerprint(a.GetKey())
	case interface{ GetVersion() uint32 }:
		r.Key.Version = a.GetVersion()
	}
}

func newestFingerprint(k *vaultdv1.Key) string {
	for _, v := range k.GetVersions() {
		if v.GetNumber() == k.GetVersion() {
			return v.GetFingerprint()
		}
	}
	return ""
}
