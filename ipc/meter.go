package ipc

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/vaultd/vaultd/ipc/metrics"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// meter counts requests. Everything that a request raises is found by the number
// of its method, so that it costs a few atomic additions.
type meter struct {
	set      *metrics.Set
	requests [methodNumbers]*metrics.Request
	refused  map[fault.Code]func() // never changed
	inFlight atomic.Int64
}

// refusedCodes are the codes of requests that were refused for who asked, or how often.
var refusedCodes = []fault.Code{
	fault.CodePermissionDenied, fault.CodePrincipalChanged, fault.CodeApprovalRequired, fault.CodeApprovalRejected,
	fault.CodeQuotaExceeded, fault.CodeRateLimited, fault.CodeBusy, fault.CodeUnlockThrottled,
}

func newMeter(s *Server, version string) *meter {
	m := &meter{set: metrics.New(version, s.reading), refused: make(map[fault.Code]func())}
	for _, row := range methods {
		m.requests[row.number] = m.set.Request(string(row.action))
	}
	for _, code := range refusedCodes {
		m.refused[code] = m.set.Refused(string(code))
	}
	return m
}

// measure is invoke, counted if anybody wants to know.
func (s *Server) measure(ctx context.Context, c *call, m *method, req message) (message, *fault.Error) {
	if s.meter == nil {
		return s.invoke(ctx, c, m, req)
	}
	s.meter.inFlight.Add(1)
	began := time.Now()
	resp, failure := s.invoke(ctx, c, m, req)
	s.meter.ended(m, failure, time.Since(began))
	s.meter.inFlight.Add(-1)
	return resp, failure
}

// itemRefused counts a refusal, be it of an item of a batch. The batch itself is
// one request.
func (t *meter) itemRefused(code fault.Code) {
	if count := t.refused[code]; count != nil {
		count()
	}
}

func (t *meter) ended(m *method, failure *fault.Error, took time.Duration) {
	if failure == nil {
		t.requests[m.number].Ended(metrics.Allowed, took)
		return
	}
	outcome := metrics.Failed
	if outcomeOf(failure.Code) == audit.Denied {
		outcome = metrics.Denied
	}
	t.requests[m.number].Ended(outcome, took)
	t.itemRefused(failure.Code)
	if m.action == policy.Unseal {
		t.set.UnsealFailed()
	}
}

// ServeMetrics answers Prometheus on l, which must not be the daemon's own
// socket, until ctx ends. The server was made with Metrics.
func (s *Server) ServeMetrics(ctx context.Context, l net.Listener) error {
	return s.meter.set.Serve(ctx, l, s.log)
}

// reading is how the daemon fares now.
func (s *Server) reading() metrics.Reading {
	st := s.service.vault.Status()
	r := metrics.Reading{
		Initialized: st.Initialized, Sealed: st.Sealed,
		Connections: s.admission.open(), ConnectionsRefused: s.connsRefused.Load(), InFlight: s.meter.inFlight.Load(),
		StoreState: st.Store, Records: st.Records, Sequence: st.Sequence, Generation: st.Generation,
		StoreBytes: s.service.vault.StoreBytes(), Tampering: len(s.service.tampering.list()),
	}
	if census, err := s.service.vault.Census(); err == nil { // else it is sealed
		r.NextExpiry = census.NextExpiry
		for _, k := range census.Keys {
			r.Keys = append(r.Keys, metrics.KeyCount{Type: k.Type, State: k.State.String(), N: k.N})
		}
	}
	generation, _, problem := s.service.rules.state()
	r.PolicyGeneration, r.PolicyProblem = generation, problem != ""
	if s.service.audit != nil {
		r.Audit = auditReading(s.service.audit.Status())
	}
	return r
}

func auditReading(st audit.Status) *metrics.Audit {
	total := st.Size + int64(st.Unsynced)
	a := &metrics.Audit{
		Records: total, Unsynced: int64(st.Unsynced), Unsigned: total - st.Checkpoint.Size, Checkpoint: st.CheckpointTime,
		Failing: st.Err != nil, Problems: len(st.Problems),
	}
	for _, k := range st.Sinks {
		a.Sinks = append(a.Sinks, metrics.Sink{Name: k.Name, Dropped: k.Dropped, Failing: k.Err != nil})
	}
	return a
}
