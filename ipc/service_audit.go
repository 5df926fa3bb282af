package ipc

import (
	"context"
	"errors"
	"sync"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

// How much of the audit log one answer has, and how long it waits for it. A
// waiting request holds up a stop of the daemon.
const (
	auditPage    = 100
	auditPageMax = 1000
	auditWaitMax = 4 * time.Second
)

var errNoAudit = fault.E(fault.CodeAuditUnavailable, "this daemon keeps no audit log").
	WithHint("[audit] enabled = true in its configuration keeps one")

// ReadAudit returns records. Reading on is not recorded again: whoever follows
// the log would else read about nothing but itself.
func (s *service) ReadAudit(ctx context.Context, req *vaultdv1.ReadAuditRequest) (*vaultdv1.ReadAuditResponse, error) {
	if s.audit == nil {
		return nil, errNoAudit
	}
	size := int(req.GetPageSize())
	switch {
	case size == 0:
		size = auditPage
	case size > auditPageMax:
		return nil, fault.E(fault.CodeBadArgument, "page_size %d is over %d", size, auditPageMax)
	}
	if req.GetFrom() > 1<<62 {
		return nil, fault.E(fault.CodeBadArgument, "there is no record %d", req.GetFrom())
	}
	wait := req.GetWait().AsDuration()
	if wait < 0 {
		return nil, fault.E(fault.CodeBadArgument, "wait is negative")
	}
	c := callFrom(ctx)
	reader := reader{c.who.UID, c.who.PID}
	c.unrecorded = s.readers.goesOn(reader, req.GetFrom())
	filter := audit.Filter{
		From: int64(req.GetFrom()), Owner: req.GetOwner(), Action: req.GetAction(), Denied: req.GetDenied(), //nolint:gosec // bounded above
	}
	if req.GetSince() != nil {
		filter.Since = req.GetSince().AsTime()
	}
	if wait > 0 {
		s.awaitRecord(ctx, filter, min(wait, auditWaitMax))
	}
	resp, err := s.readAudit(ctx, filter, size)
	if err != nil {
		return nil, err
	}
	s.readers.note(reader, resp.GetNext())
	return resp, nil
}

// awaitRecord waits for a first record that the filter chooses.
func (s *service) awaitRecord(ctx context.Context, f audit.Filter, wait time.Duration) {
	limit, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for range s.audit.Follow(limit, f) {
		return
	}
}

// readAudit fills a page, as far as an answer has room.
func (s *service) readAudit(ctx context.Context, f audit.Filter, page int) (*vaultdv1.ReadAuditResponse, error) {
	// Records that come while reading are for the next page. Whoever reads up to
	// the end wants to see what was asked a moment ago, too; if that can't be
	// written now, the log's status says so.
	if s.audit.Head().Size < f.From+int64(page) {
		_ = s.audit.Flush()
	}
	end := max(s.audit.Head().Size, f.From)
	resp := &vaultdv1.ReadAuditResponse{Next: uint64(f.From)} //nolint:gosec // not negative
	room := s.messageSize() / 2
	for entry, err := range s.audit.Read(f) {
		if errors.Is(err, audit.ErrTampered) {
			continue // the log's status tells of it
		}
		if err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if len(resp.GetLines()) == page || room < len(entry.Line) || entry.Seq >= end {
			return resp, nil
		}
		room -= len(entry.Line)
		resp.Lines = append(resp.Lines, string(entry.Line))
		resp.Next = uint64(entry.Seq) + 1 //nolint:gosec // not negative
	}
	resp.Next = uint64(end) //nolint:gosec // not negative
	return resp, nil
}

// CheckpointAudit signs the log's head.
func (s *service) CheckpointAudit(context.Context, *vaultdv1.CheckpointAuditRequest) (*vaultdv1.CheckpointAuditResponse, error) {
	if s.audit == nil {
		return nil, errNoAudit
	}
	c, err := s.audit.Checkpoint()
	if err != nil {
		return nil, auditFault(err)
	}
	return &vaultdv1.CheckpointAuditResponse{Checkpoint: string(c.Note), PublicKey: s.audit.PublicKey()}, nil
}

// ProveAudit proves that a record is in the log.
func (s *service) ProveAudit(_ context.Context, req *vaultdv1.ProveAuditRequest) (*vaultdv1.ProveAuditResponse, error) {
	if s.audit == nil {
		return nil, errNoAudit
	}
	if err := s.audit.Flush(); err != nil {
		return nil, auditFault(err)
	}
	if size := uint64(s.audit.Head().Size); req.GetSequence() >= size { //nolint:gosec // not negative
		return nil, fault.E(fault.CodeBadArgument, "there is no record %d; the log has %d", req.GetSequence(), size)
	}
	p, err := s.audit.Prove(int64(req.GetSequence())) //nolint:gosec // bounded above
	if err != nil {
		return nil, auditFault(err)
	}
	return &vaultdv1.ProveAuditResponse{Line: string(p.Line), Proof: string(p.Text())}, nil
}

func auditFault(err error) error {
	switch {
	case errors.Is(err, audit.ErrNotCovered):
		return fault.ErrSealed.WithHint("checkpoints are signed while the vault is unsealed")
	case errors.Is(err, audit.ErrTampered):
		return fault.E(fault.CodeAuditTampered, "the audit log was tampered with").WithHint("'vaultctl audit verify' says where").Because(err)
	case errors.Is(err, audit.ErrUnavailable):
		return unrecorded(err)
	}
	return err
}

// reader is a process that reads the audit log.
type reader struct {
	uid uint32
	pid int32
}

// readers remembers where readers of the log may go on unrecorded.
type readers struct {
	mu sync.Mutex
	at map[reader]uint64
}

const maxReaders = 64

func newReaders() *readers { return &readers{at: make(map[reader]uint64)} }

// goesOn reports whether r reads on from where its last answer ended.
func (l *readers) goesOn(r reader, from uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	next, found := l.at[r]
	return found && r.pid != 0 && next == from && from > 0
}

func (l *readers) note(r reader, next uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.at) >= maxReaders {
		clear(l.at) // they are recorded once more
	}
	l.at[r] = next
}
