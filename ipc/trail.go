package ipc

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
	"github.com/vaultd/vaultd/vault/policy/binding"
)

// trail writes requests to the audit log. What changes something, or gives
// material away, has a durable record before it is performed, and another one
// after: so nothing happens without a record, whenever the power goes. All else
// has one record, which may come a moment later.
type trail struct {
	log  *audit.Log
	told *slog.Logger
	keys *vault.Vault // knows fingerprints
	run  string       // begins every request id of this run
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

	policy.EnterShare: {first: true, urgent: true, lenient: true}, policy.ResetShares: {first: true, urgent: true},

	policy.DestroyKey:  {first: true, urgent: true},
	policy.RevokeKey:   {first: true, urgent: true},
	policy.RevokeOwner: {first: true, urgent: true},
	policy.SuspendKey:  {first: true, urgent: true},
	policy.TrimKey:     {first: true, urgent: true},

	policy.ResumeKey: {first: true}, policy.UpdateKey: {first: true}, policy.CancelDestruction: {first: true},
	policy.Scrub: {first: true},

	policy.Init: {first: true}, policy.ChangePassword: {first: true},
	policy.AddSlot: {first: true}, policy.RemoveSlot: {first: true},
	policy.CreateKey: {first: true}, policy.RotateKey: {first: true},
	policy.ImportKey: {first: true}, policy.ExportKey: {first: true},
	policy.WrapKey: {first: true}, policy.UnwrapKey: {first: true},
	policy.CreateCSR: {first: true}, policy.CreateCertificate: {first: true},
	policy.OfferExchange: {first: true}, policy.AcceptExchange: {first: true}, policy.FinishExchange: {first: true},
	policy.SetAlias: {first: true}, policy.RemoveAlias: {first: true},
	policy.CreateOwner: {first: true}, policy.ReinstateOwner: {first: true},
	policy.AddGrant: {first: true}, policy.RemoveGrant: {first: true},
	policy.AdoptPrincipal: {first: true}, policy.RetirePrincipal: {first: true, urgent: true},
	policy.BeginBackup: {first: true},
	policy.Approve:     {first: true}, policy.Reject: {first: true},
	policy.Forget: {first: true},
}

func newTrail(log *audit.Log, told *slog.Logger, keys *vault.Vault) *trail {
	var run [6]byte
	_, _ = rand.Read(run[:])
	return &trail{log: log, told: told, keys: keys, run: hex.EncodeToString(run[:]) + "-"}
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
	if ctx.Err() != nil { // the log is well, as far as anybody knows
		return fault.E(fault.CodeTimeout, "the request's time was over before its audit record was on the disk").
			WithHint("nothing was done; give it more time").Because(err)
	}
	return unrecorded(err)
}

// after records how e ended.
func (t *trail) after(ctx context.Context, c *call, e *Event, req, answer message) error {
	if c.unrecorded && e.Code == "" {
		return nil
	}
	care := c.care
	if e.Code == fault.CodeAuditUnavailable {
		return nil // it was tried a moment ago, and nothing was performed
	}
	r := record(e)
	r.Request = c.record
	t.describe(c, &r, req, answer)
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

// ruleRate is the rule of requests that were refused before anything was decided.
const ruleRate = "rate"

// refused records requests that came too often, several in one record. What
// can't be recorded was refused all the same.
func (t *trail) refused(r refusal) {
	line := record(&Event{Who: r.who, Action: r.action, Code: fault.CodeRateLimited, Form: r.form})
	line.Outcome, line.Rule = audit.Denied, ruleRate
	line.Extra = append(line.Extra, audit.Field{Name: "refused", Value: strconv.Itoa(r.count)})
	if r.several {
		line.Extra = append(line.Extra, audit.Field{Name: "uids", Value: "several"})
	}
	if err := t.log.AppendHot(line); err != nil {
		t.told.Error("no audit record", "action", string(r.action), "uid", r.who.UID, "refused", r.count, "err", err)
	}
}

// actionGrantEnded is the daemon's own: a grant went with its process.
const actionGrantEnded = "grant.ended"

// grantEnded records that the daemon removed a grant whose process has ended.
// Without a record it is removed all the same: that gives nobody anything.
func (t *trail) grantEnded(ctx context.Context, g policy.Grant) {
	t.own(ctx, audit.Record{
		Action: actionGrantEnded, Rule: "process-ended",
		Extra: []audit.Field{
			{Name: "grant", Value: g.ID},
			{Name: "process", Value: strconv.FormatInt(int64(g.Process.PID), 10)},
		},
	})
}

// actionKeyEnded is the daemon's own: material was destroyed as its time had come.
const actionKeyEnded = "key.ended"

// actionKeyRotated is the daemon's own: a key was rotated on its schedule.
const actionKeyRotated = "key.rotated"

// life has the vault tell the log what becomes of keys by time alone. An attempt
// on a key is a refused request, which has its record already; the daemon's log
// says it louder.
func (t *trail) life() vault.LifeEvents {
	return vault.LifeEvents{
		Ended: func(e vault.KeyEnd) {
			rule := "destruction-set"
			if e.Private {
				rule = "signing-period-over"
			}
			ctx, cancel := context.WithTimeout(context.Background(), outcomeTime)
			defer cancel()
			for _, n := range e.Versions {
				t.own(ctx, audit.Record{Action: actionKeyEnded, Owner: e.Name.Owner(), Key: audit.Key{Name: e.Name.Key(), Version: n}, Rule: rule})
			}
		},
		Rotated: func(r vault.KeyRotation) {
			ctx, cancel := context.WithTimeout(context.Background(), outcomeTime)
			defer cancel()
			t.own(ctx, audit.Record{
				Action: actionKeyRotated, Owner: r.Name.Owner(), Key: audit.Key{Name: r.Name.Key(), Version: r.Version}, Rule: "schedule",
			})
		},
		Attempted: func(a vault.Attempt) {
			t.told.Warn("a key that is to be destroyed was asked for", "key", a.Name.String(), "version", a.Version, "use", a.Use)
		},
	}
}

// own records what the daemon did by itself, which stands whether or not there
// is a record. It does nothing without an audit log.
func (t *trail) own(ctx context.Context, r audit.Record) {
	if t == nil {
		return
	}
	r.Principal, r.Outcome = audit.Self(), audit.Allowed
	if _, err := t.log.AppendUrgent(ctx, r); err != nil {
		t.told.Error("no audit record of what the daemon did by itself", "action", r.Action, "extra", r.Extra, "err", err)
	}
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
	if e.Code != "" && e.Decision.Rule != "" && !e.Decision.Allowed {
		r.Outcome = audit.Denied
	}
	if r.Principal.Unit == "" {
		r.Principal.Unit = e.Who.UserUnit
	}
	if len(e.Resources) > 0 {
		r.Owner, r.Key.Name = e.Resources[0].Owner, e.Resources[0].Key
	}
	if len(e.Resources) > 1 {
		r.Extra = append(r.Extra, audit.Field{Name: secondKey(e.Action), Value: e.Resources[1].String()})
	}
	r.Extra = append(r.Extra, e.aliases.fields(e)...)
	if e.About != "" {
		r.Extra = append(r.Extra, audit.Field{Name: "uid", Value: e.About})
	}
	if e.Decision.Grant != "" {
		r.Extra = append(r.Extra, audit.Field{Name: "grant", Value: e.Decision.Grant})
	}
	decision := e.Ref
	if e.approval.ID != "" {
		decision = e.approval.Decision
		r.Extra = append(r.Extra, audit.Field{Name: "approval", Value: e.approval.ID})
	}
	if decision != "" && r.Outcome == audit.Denied {
		r.Extra = append(r.Extra, audit.Field{Name: "decision", Value: decision})
	}
	if e.approval.By != "" {
		r.Extra = append(r.Extra, audit.Field{Name: "approved_by", Value: e.approval.By})
	}
	return r
}

// secondKey is what the second key of a request is to the first.
func secondKey(a policy.Action) string {
	switch a {
	case policy.SetAlias:
		return "key"
	case policy.Rewrap:
		return "to_key"
	case policy.WrapKey:
		return "wrapping_key"
	case policy.UnwrapKey:
		return "unwrapping_key"
	}
	return "session_key"
}

// actionPrincipalChanged is of the daemon's own records of accounts that
// turned out to be others than they were.
const actionPrincipalChanged = "principal.changed"

// principalChanged records a binding that has come into quarantine. It is in
// force whether or not there is a record.
func (t *trail) principalChanged(b binding.Binding) {
	ctx, cancel := context.WithTimeout(context.Background(), outcomeTime)
	defer cancel()
	t.own(ctx, audit.Record{
		Action: actionPrincipalChanged, Owner: b.User, Rule: policy.RuleChanged,
		Extra: []audit.Field{{Name: "uid", Value: uidText(b.UID)}, {Name: "user", Value: b.User}, {Name: "why", Value: b.Why}},
	})
}

// outcomeOf is how a request ended that was answered with code, empty for none.
func outcomeOf(code fault.Code) audit.Outcome {
	switch code {
	case "":
		return audit.Allowed
	case fault.CodePermissionDenied, fault.CodePrincipalChanged, fault.CodeApprovalRequired, fault.CodeApprovalRejected, fault.CodeRateLimited:
		return audit.Denied
	}
	return audit.Failed
}

// describe adds what the answer says it was: which version of the key, by number
// and fingerprint, and which grant. Where there is no answer, the name is all that
// is known.
func (t *trail) describe(c *call, r *audit.Record, req, answer message) {
	switch a := answer.(type) {
	case nil:
		return
	case interface {
		GetPrincipal() *vaultdv1.BoundPrincipal
	}:
		r.Owner = a.GetPrincipal().GetUser()
	case *vaultdv1.RewrapResponse:
		c.used = a.GetFromVersion()
		r.Extra = append(r.Extra, audit.Field{Name: "to_version", Value: strconv.FormatUint(uint64(a.GetVersion()), 10)})
	case *vaultdv1.GenerateDataKeyResponse:
		c.used = a.GetVersion()
		given := "plaintext"
		if q, ok := req.(*vaultdv1.GenerateDataKeyRequest); ok && q.GetWrappedOnly() {
			given = "wrapped"
		}
		r.Extra = append(r.Extra, audit.Field{Name: "data_key", Value: given})
	case *vaultdv1.BatchResponse:
		r.Extra = append(r.Extra, c.batch.fields()...)
	case *vaultdv1.SetAliasResponse:
		if was := a.GetPrevious(); was != "" {
			r.Extra = append(r.Extra, audit.Field{Name: "previous", Value: was})
		}
	case *vaultdv1.ForgetResponse:
		r.Extra = append(r.Extra, audit.Field{Name: "forgotten", Value: strconv.FormatUint(a.GetForgotten(), 10)})
		if q, ok := req.(*vaultdv1.ForgetRequest); ok && q.GetVersion() != 0 {
			c.used = q.GetVersion()
		}
	case *vaultdv1.WrapKeyResponse:
		c.used = a.GetVersion()
		r.Extra = append(r.Extra, audit.Field{Name: "wrapping_fingerprint", Value: a.GetWrappingFingerprint()})
	case interface{ GetVersion() uint32 }: // the one that was used
		c.used = a.GetVersion()
	case interface{ GetKey() *vaultdv1.Key }:
		r.Key.Version = a.GetKey().GetVersion()
		if d, ok := req.(*vaultdv1.DestroyKeyRequest); ok && d.GetVersion() != 0 {
			r.Key.Version = d.GetVersion()
		}
		r.Key.Fingerprint = fingerprintIn(a.GetKey(), r.Key.Version)
	case interface{ GetSession() *vaultdv1.Key }:
		describeSession(r, a.GetSession())
	case *vaultdv1.UnsealResponse:
		r.Extra = append(r.Extra, audit.Field{Name: "slot", Value: a.GetSlot()})
		if w := a.GetWarnings(); len(w) > 0 { // such as that the vault was restored
			r.Extra = append(r.Extra, audit.Field{Name: "warnings", Value: strings.Join(w, "; ")})
		}
	case *vaultdv1.EnterShareResponse:
		r.Extra = append(r.Extra, describeShare(a)...)
	case interface{ GetSlot() *vaultdv1.KeySlot }:
		r.Extra = append(r.Extra, describeSlot(a.GetSlot())...)
	case interface{ GetBackup() *vaultdv1.Backup }:
		r.Extra = append(r.Extra, describeBackup(a.GetBackup())...)
	case *vaultdv1.AddGrantResponse:
		r.Extra = append(r.Extra,
			audit.Field{Name: "added", Value: a.GetGrant().GetId()}, audit.Field{Name: "says", Value: a.GetGrant().GetJson()})
	case *vaultdv1.RemoveGrantResponse:
		if q, ok := req.(*vaultdv1.RemoveGrantRequest); ok {
			r.Extra = append(r.Extra, audit.Field{Name: "removed", Value: q.GetId()})
		}
	}
	if !c.stated.IsZero() {
		r.Extra = append(r.Extra, audit.Field{Name: "protected_at", Value: c.stated.UTC().Format(time.RFC3339)})
	}
	if c.used != 0 {
		r.Key.Version = c.used
		r.Key.Fingerprint = t.keys.Fingerprint(r.Owner, r.Key.Name, c.used)
	}
}

// describeSession adds the key that an exchange made: as the record's own where
// the request does not name one, and else beside the key that signed.
func describeSession(r *audit.Record, session *vaultdv1.Key) {
	name, err := vault.ParseName(session.GetName())
	if err != nil {
		return // none is made yet
	}
	fingerprint := fingerprintIn(session, session.GetVersion())
	if r.Key.Name != "" {
		r.Extra = append(r.Extra, audit.Field{Name: "session_fingerprint", Value: fingerprint})
		return
	}
	r.Owner = name.Owner()
	r.Key = audit.Key{Name: name.Key(), Version: session.GetVersion(), Fingerprint: fingerprint}
}

// fingerprintIn is that of a version in an answer.
func fingerprintIn(k *vaultdv1.Key, version uint32) string {
	for _, v := range k.GetVersions() {
		if v.GetNumber() == version {
			return v.GetFingerprint()
		}
	}
	return ""
}
