package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Set is all metrics of one daemon.
type Set struct {
	registry *prometheus.Registry
	requests *requests
}

// New makes a set. Version is the daemon's; read is asked whenever somebody
// reads the metrics, by one at a time.
func New(version string, read func() Reading) *Set {
	s := &Set{registry: prometheus.NewRegistry()}
	s.requests = newRequests(s.registry)
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "vaultd_build_info", Help: "1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	s.registry.MustRegister(build, collector{read}, collectors.NewGoCollector())
	return s
}

// What readers may take of the daemon.
const (
	maxConns      = 16
	headerTimeout = 5 * time.Second
	scrapeTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 8 << 10
)

// Serve answers GET /metrics on l until ctx ends, and closes l.
func (s *Set) Serve(ctx context.Context, l net.Listener, log *slog.Logger) error {
	told := slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{
		ErrorLog: told, MaxRequestsInFlight: 1, Timeout: scrapeTimeout, DisableCompression: true,
	}))
	var open atomic.Int64
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: headerTimeout, ReadTimeout: headerTimeout,
		WriteTimeout: scrapeTimeout + headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ConnState: func(c net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				if open.Add(1) > maxConns {
					_ = c.Close() // it is counted until the server notices
				}
			case http.StateClosed, http.StateHijacked:
				open.Add(-1)
			case http.StateActive, http.StateIdle:
			}
		},
	}
	unhook := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer unhook()
	err := server.Serve(l)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
