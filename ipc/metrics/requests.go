package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Outcome is how a request ended, as in the audit log.
type Outcome uint8

// The outcomes.
const (
	Allowed Outcome = iota // performed
	Denied                 // refused by policy
	Failed                 // permitted, and not performed
	outcomes
)

func (o Outcome) String() string { return [outcomes]string{"allowed", "denied", "error"}[o] }

// Request counts the requests of one action. It is safe for concurrent use, and
// looks nothing up.
type Request struct {
	ended [outcomes]prometheus.Counter
	took  prometheus.Observer
}

// Ended counts a request.
func (r *Request) Ended(o Outcome, took time.Duration) {
	r.ended[o].Inc()
	r.took.Observe(took.Seconds())
}

// latencies are upper bounds of time in seconds: a hot request takes some ten
// microseconds, a change of state a few milliseconds, a password half a second.
var latencies = []float64{10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 1e-3, 5e-3, 25e-3, 100e-3, 500e-3, 2.5, 10}

type requests struct {
	total    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	refused  *prometheus.CounterVec
	unseals  prometheus.Counter
}

func newRequests(r prometheus.Registerer) *requests {
	q := &requests{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vaultd_requests_total", Help: "Requests by action and outcome: allowed, denied by policy, or error.",
		}, []string{"action", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "vaultd_request_duration_seconds", Help: "Time that requests took in the daemon, by action.", Buckets: latencies,
		}, []string{"action"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vaultd_refused_total", Help: "Requests that were refused for who asked, or how often, by the code of the error.",
		}, []string{"code"}),
		unseals: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "vaultd_unseal_failures_total", Help: "Attempts to unseal that failed.",
		}),
	}
	r.MustRegister(q.total, q.duration, q.refused, q.unseals)
	return q
}

// Request is the counter of an action. All that an action can count exists from
// then on, at zero.
func (s *Set) Request(action string) *Request {
	r := &Request{took: s.requests.duration.WithLabelValues(action)}
	for o := range outcomes {
		r.ended[o] = s.requests.total.WithLabelValues(action, o.String())
	}
	return r
}

// Refused is what counts requests that are refused with an error code. It is for
// the codes of a fixed list.
func (s *Set) Refused(code string) func() { return s.requests.refused.WithLabelValues(code).Inc }

// UnsealFailed counts an attempt to unseal.
func (s *Set) UnsealFailed() { s.requests.unseals.Inc() }
