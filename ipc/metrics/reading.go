package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Reading is everything that is not counted but asked for, at one moment.
type Reading struct {
	Initialized, Sealed bool

	Connections        int
	ConnectionsRefused uint64
	InFlight           int64

	Keys       []KeyCount // none while sealed
	NextExpiry time.Time  // zero: no key expires

	StoreState string // "ok", "full" or "failed"; empty while sealed
	Records    int
	Sequence   uint64
	Generation uint64
	StoreBytes int64

	PolicyGeneration uint64
	PolicyProblem    bool

	Audit     *Audit // nil without an audit log
	Tampering int
}

// KeyCount is how many keys there are of one type, in one state.
type KeyCount struct {
	Type, State string
	N           int
}

// Audit is how an audit log fares.
type Audit struct {
	Records, Unsynced, Unsigned int64
	Checkpoint                  time.Time // zero when none was signed since the start
	Failing                     bool
	Problems                    int
	Sinks                       []Sink
}

// Sink is a second copy of the audit log.
type Sink struct {
	Name    string
	Dropped int64
	Failing bool
}

// collector asks for a Reading whenever it is read.
type collector struct{ read func() Reading }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("vaultd_"+name, help, labels, nil)
}

// What a Reading is told as.
var (
	initialized = desc("initialized", "1 if there is a vault.")
	sealed      = desc("sealed", "1 while the vault is sealed.")
	connections = desc("connections", "Connections that are open.")
	connRefused = desc("connections_refused_total", "Connections that were refused since too many were open.")
	inFlight    = desc("requests_in_flight", "Requests that are being worked on.")

	keys       = desc("keys", "Keys by type and by the state of their newest version.", "type", "state")
	nextExpiry = desc("key_next_expiry_timestamp_seconds", "When the next key expires; absent when none does.")

	storeState      = desc("store_state", "1 for the state that the store is in, 0 for the others.", "state")
	storeRecords    = desc("store_records", "Live records in the store.")
	storeSequence   = desc("store_sequence", "Number of the store's last commit.")
	storeGeneration = desc("store_generation", "Generation of the store: one for each rewrite.")
	storeBytes      = desc("store_bytes", "Size of the store's files.")

	policyGeneration = desc("policy_generation", "Number of the policy in force: one for each change.")
	policyProblem    = desc("policy_problem", "1 while the newest policy files are not in force.")

	auditRecords    = desc("audit_records", "Records in the audit log.")
	auditUnsynced   = desc("audit_unsynced_records", "Records that a power cut would lose.")
	auditUnsigned   = desc("audit_unsigned_records", "Records that no checkpoint covers yet.")
	auditCheckpoint = desc("audit_checkpoint_timestamp_seconds", "When the newest checkpoint was signed; absent before the first since the start.")
	auditFailing    = desc("audit_failing", "1 while the audit log can't be written.")
	auditProblems   = desc("audit_problems", "What the audit log found that it had not written itself.")
	sinkDropped     = desc("audit_sink_dropped_total", "Records that a second copy of the audit log did not get.", "sink")
	sinkFailing     = desc("audit_sink_failing", "1 while a second copy of the audit log takes no records.", "sink")

	tampering = desc("tampering", "What was done to the daemon's files from outside since the last unseal.")
)

var descs = []*prometheus.Desc{
	initialized, sealed, connections, connRefused, inFlight, keys, nextExpiry, storeState, storeRecords, storeSequence,
	storeGeneration, storeBytes, policyGeneration, policyProblem, auditRecords, auditUnsynced, auditUnsigned,
	auditCheckpoint, auditFailing, auditProblems, sinkDropped, sinkFailing, tampering,
}

// Describe names every metric.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range descs {
		ch <- d
	}
}

// Collect reads.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	r := c.read()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	gauge(initialized, flag(r.Initialized))
	gauge(sealed, flag(r.Sealed))
	gauge(connections, float64(r.Connections))
	counter(connRefused, float64(r.ConnectionsRefused))
	gauge(inFlight, float64(r.InFlight))
	for _, k := range r.Keys {
		gauge(keys, float64(k.N), k.Type, k.State)
	}
	if !r.NextExpiry.IsZero() {
		gauge(nextExpiry, seconds(r.NextExpiry))
	}
	if r.StoreState != "" {
		for _, state := range []string{"ok", "full", "failed"} {
			gauge(storeState, flag(state == r.StoreState), state)
		}
		gauge(storeRecords, float64(r.Records))
		gauge(storeSequence, float64(r.Sequence))
		gauge(storeGeneration, float64(r.Generation))
	}
	gauge(storeBytes, float64(r.StoreBytes))
	gauge(policyGeneration, float64(r.PolicyGeneration))
	gauge(policyProblem, flag(r.PolicyProblem))
	gauge(tampering, float64(r.Tampering))
	a := r.Audit
	if a == nil {
		return
	}
	gauge(auditRecords, float64(a.Records))
	gauge(auditUnsynced, float64(a.Unsynced))
	gauge(auditUnsigned, float64(a.Unsigned))
	if !a.Checkpoint.IsZero() {
		gauge(auditCheckpoint, seconds(a.Checkpoint))
	}
	gauge(auditFailing, flag(a.Failing))
	gauge(auditProblems, float64(a.Problems))
	for _, s := range a.Sinks {
		counter(sinkDropped, float64(s.Dropped), s.Name)
		gauge(sinkFailing, flag(s.Failing), s.Name)
	}
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
