package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/internal/perm"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

// auditLog is the daemon's audit log, and what the vault does for it.
type auditLog struct {
	*audit.Log
	told *slog.Logger
}

// openAudit opens the audit log, nil when the configuration wants none.
func openAudit(c config.Audit, told *slog.Logger) (*auditLog, error) {
	if !c.Enabled {
		told.Info("no audit log is kept: [audit] enabled = false")
		return nil, nil
	}
	if err := os.MkdirAll(filepath.Dir(c.Dir), 0o700); err != nil {
		return nil, fmt.Errorf("make the audit log's directory: %w", err)
	}
	if err := perm.Check(filepath.Dir(c.Dir)); err != nil {
		return nil, unsafe(err)
	}
	if err := perm.Private(c.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, unsafe(err)
	}
	log, err := audit.Open(c.Dir, audit.Options{SegmentSize: int64(c.SegmentSize), Compress: c.Compress, Sinks: sinksOf(c), Log: told})
	if errors.Is(err, audit.ErrLocked) {
		return nil, fault.E(fault.CodeInUse, "another vaultd uses the audit log in %s", c.Dir).
			WithHint("[audit] directory says where it is")
	}
	if err != nil {
		return nil, err
	}
	a := &auditLog{log, told}
	if err := a.reportUnknown(); err != nil {
		told.Warn("the audit log was not searched for requests of unknown outcome", "err", err)
	}
	for _, p := range log.Status().Problems {
		told.Error("audit log", "problem", p.What, "record", p.Seq, "file", p.Where)
	}
	return a, nil
}

// recentRecords bounds the search for records without a partner: far more than
// are written while one request runs.
const recentRecords = 200_000

// codeUnknown is of requests that were begun and have no record of their end.
const codeUnknown = "outcome_unknown"

// reportUnknown records which requests of the run before were begun and never
// said to have ended: it was killed, and they may have been performed or not.
func (a *auditLog) reportUnknown() error {
	open := make(map[string]audit.Record)
	var order []string
	for e, err := range a.Read(audit.Filter{From: max(0, a.Log.Head().Size-recentRecords)}) {
		switch {
		case errors.Is(err, audit.ErrTampered):
			continue
		case err != nil:
			return err
		case e.Request == "":
		case e.Outcome == audit.Begun:
			open[e.Request] = e.Record
			order = append(order, e.Request)
		default:
			delete(open, e.Request)
		}
	}
	for _, request := range order {
		r, unknown := open[request]
		if !unknown {
			continue
		}
		delete(open, request)
		a.told.Warn("a request was interrupted, and may have been performed", "request", request, "action", r.Action, "record", r.Seq)
		// Urgent, as its first record may have been so.
		_, err := a.AppendUrgent(context.Background(), audit.Record{
			Request: request, Principal: r.Principal, Action: r.Action, Key: r.Key, Owner: r.Owner,
			Outcome: audit.Failed, Code: codeUnknown, Rule: r.Rule, Form: r.Form, Extra: r.Extra,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Unsealed is called by the vault.
func (a *auditLog) Unsealed(vaultID [16]byte, seed []byte, kept *vault.AuditHead) string {
	warning := ""
	if kept != nil {
		err := a.CheckHead(audit.Head{Size: int64(kept.Size), Root: kept.Root}) //nolint:gosec // the vault keeps what Head says
		if err != nil {
			a.told.Error("the audit log is not what it was", "err", err)
			warning = "the audit log is not what it was: " + err.Error()
		}
	}
	if err := a.SetSigner("vaultd/"+hex.EncodeToString(vaultID[:]), seed); err != nil {
		a.told.Error("the audit log has no key", "err", err)
	}
	return warning
}

// Head is called by the vault.
func (a *auditLog) Head() vault.AuditHead {
	h := a.Log.Head()
	return vault.AuditHead{Size: uint64(h.Size), Root: h.Root} //nolint:gosec // not negative
}

// Sealing is called by the vault.
func (a *auditLog) Sealing() {
	if err := a.ClearSigner(); err != nil {
		a.told.Warn("the audit log was not signed at sealing", "err", err)
	}
}
