package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// What the daemon does by itself, as audit records name it.
const (
	actionConfigReload = "config.reload"
	actionPolicyReload = "policy.reload"
	actionUpgrade      = "vault.upgrade"
)

const (
	// ownRecordTime bounds the wait for a record of the daemon's own.
	ownRecordTime = 10 * time.Second
	// urgentRecordTime bounds it where the vault is to be sealed meanwhile, before
	// the machine sleeps.
	urgentRecordTime = time.Second
)

// ownRecords write to the audit log what nobody asked for over the socket. Their
// principal is the daemon.
type ownRecords struct {
	log  *audit.Log // nil without an audit log
	told *slog.Logger
}

func newOwnRecords(log *audit.Log, told *slog.Logger) *ownRecords {
	return &ownRecords{log: log, told: told}
}

// add records that an action was done, or why it was not. What the daemon does
// by itself follows its files, so that it is done although it can't be recorded.
func (o *ownRecords) add(action string, problem error, extra ...audit.Field) {
	if o.log != nil {
		o.write(o.log.Append, ownRecordTime, action, problem, extra)
	}
}

// unsealed is add for an unseal, which is recorded on a full disk too, as one that
// somebody asked for is.
func (o *ownRecords) unsealed(problem error, extra ...audit.Field) {
	if o.log != nil {
		o.write(o.log.AppendUrgent, ownRecordTime, string(policy.Unseal), problem, extra)
	}
}

func (o *ownRecords) write(
	appendTo func(context.Context, audit.Record) (int64, error), limit time.Duration, action string, problem error, extra []audit.Field,
) {
	r := audit.Record{Principal: audit.Self(), Action: action, Outcome: audit.Allowed, Extra: extra}
	if problem != nil {
		r.Outcome, r.Code = audit.Failed, string(fault.CodeUsage)
		var known *fault.Error
		if errors.As(problem, &known) {
			r.Code = string(known.Code)
		}
		r.Extra = append(r.Extra, audit.Field{Name: "problem", Value: problem.Error()})
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if _, err := appendTo(ctx, r); err != nil {
		o.told.Error("no audit record", "action", action, "err", err)
	}
}

// urgent records what is about to be done, on a full disk too.
func (o *ownRecords) urgent(action string, extra ...audit.Field) {
	if o.log != nil {
		o.write(o.log.AppendUrgent, urgentRecordTime, action, nil, extra)
	}
}
