package ipc

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vaultd/vaultd/ipc/peer"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/policy"
)

// Config is what a server is built from. Vault and Policy are required.
type Config struct {
	Vault   *vault.Vault
	Policy  *policy.Policy
	Limits  Limits       // zero fields take their defaults
	Log     *slog.Logger // nil: no log
	Version string       // of the daemon, for Status

	// Audit is told of every request after it was decided and performed, and
	// before it is answered. Its error refuses the answer. Nil records nothing.
	Audit func(context.Context, Event) error

	// AuditLog takes a record of every request: before it is performed, if it
	// changes something, and after. The server does not close it. Nil is none.
	AuditLog *audit.Log
}

// Server answers requests to one vault on any number of listeners.
type Server struct {
	log       *slog.Logger
	policy    *policy.Policy
	limits    Limits
	audit     func(context.Context, Event) error
	trail     *trail // nil without an audit log
	service   *service
	admission *admission
	names     peer.Resolver
	http      *http.Server
	handOver  *handOver
	refusals  chan struct{} // bounds the goroutines that tell a client that there is no room

	base     context.Context // of every request
	stop     context.CancelFunc
	stopping atomic.Bool    // accepts no more
	draining atomic.Bool    // ends connections between requests
	loops    sync.WaitGroup // Serve, once for each listener
	fresh    sync.WaitGroup // connections that have sent nothing yet
	tasks    sync.WaitGroup // connections, and the HTTP server

	mu        sync.Mutex // guards what follows
	conns     map[*conn]struct{}
	listeners map[net.Listener]struct{}
	httpRuns  bool
}

// NewServer makes a server that serves nothing yet.
func NewServer(c Config) *Server {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		log:       c.Log,
		policy:    c.Policy,
		limits:    c.Limits.withDefaults(),
		audit:     c.Audit,
		refusals:  make(chan struct{}, 32),
		handOver:  newHandOver(),
		conns:     make(map[*conn]struct{}),
		listeners: make(map[net.Listener]struct{}),
	}
	s.service = &service{
		vault: c.Vault, policy: c.Policy, version: c.Version, messageSize: s.limits.MessageSize,
		rules: newRules(c.Policy, c.Vault, c.Log), denials: policy.NewDenials(c.Policy),
	}
	if c.AuditLog != nil {
		s.trail = newTrail(c.AuditLog, c.Log)
		s.service.audit, s.service.readers = c.AuditLog, newReaders()
	}
	s.admission = newAdmission(s.limits)
	s.base, s.stop = context.WithCancel(context.Background())
	s.http = s.newHTTPServer()
	return s
}

// Serve accepts connections from l until Shutdown is called or ctx ends, and
// closes l. It returns nil after Shutdown, be that before Serve, and the
// context's error after ctx has ended, which also cuts off every connection of
// the server.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if !s.enlist(l) {
		_ = l.Close()
		return ctx.Err()
	}
	defer s.delist(l)
	unhook := context.AfterFunc(ctx, func() { _ = l.Close(); s.cutOff() })
	defer unhook()

	pause := time.Duration(0)
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			pause = 0
			s.accept(c)
		case ctx.Err() != nil:
			return ctx.Err()
		case s.stopping.Load():
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		default:
			// Out of file descriptors, or the like: others must end first.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.log.Warn("cannot accept connections", "err", err, "pause", pause)
			wait(ctx, pause)
		}
	}
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// enlist notes a listener for Shutdown, and starts the HTTP server with the first.
func (s *Server) enlist(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() {
		return false
	}
	s.listeners[l] = struct{}{}
	s.loops.Add(1)
	if !s.httpRuns {
		s.httpRuns = true
		s.tasks.Go(func() { _ = s.http.Serve(s.handOver) })
	}
	return true
}

func (s *Server) delist(l net.Listener) {
	_ = l.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
	s.loops.Done()
}

// freshTime is how long Shutdown waits for the first request of connections
// that were accepted a moment ago. Their clients are about to ask, and an HTTP
// client whose first request finds the connection closed does not try again.
const freshTime = 250 * time.Millisecond

// Shutdown stops accepting, lets running requests finish, and closes every
// connection. When ctx ends first, what still runs is cut off and the
// context's error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopping.Store(true)
	for l := range s.listeners {
		_ = l.Close()
	}
	s.mu.Unlock()
	heard := make(chan struct{})
	go func() { s.loops.Wait(); s.fresh.Wait(); close(heard) }()
	select {
	case <-heard:
	case <-ctx.Done():
	case <-time.After(freshTime):
	}

	s.mu.Lock()
	s.draining.Store(true)
	for c := range s.conns {
		c.wake()
	}
	s.mu.Unlock()

	err := s.http.Shutdown(ctx) // closes handOver as well
	_ = s.handOver.Close()
	finished := make(chan struct{})
	go func() { s.tasks.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.cutOff()
	if err == nil {
		<-finished
	}
	s.service.rules.flush()
	return err
}

// cutOff ends every request and closes every connection.
func (s *Server) cutOff() {
	s.stopping.Store(true)
	s.draining.Store(true)
	s.stop()
	_ = s.http.Close()
	_ = s.handOver.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.UnixConn.Close()
	}
}

// Alive returns when the locks can be had that every request takes: the
// server's, the audit log's and the vault's. If one of them hangs, so does Alive. It
// is for a watchdog: no client can make it slow by asking much, and it leaves
// out what may wait for others in good health, such as an account directory.
func (s *Server) Alive() {
	s.mu.Lock()
	open := len(s.conns)
	s.mu.Unlock()
	s.admission.grow(0, rankRoot, 0)
	s.service.auditStatus()
	s.log.Debug("alive", "connections", open, "sealed", s.service.vault.Status().Sealed)
}

// InstallFiles puts the grants of policy files in force, in place of those of
// the files before. Grants that can't be put in force change nothing but what
// Status says, and are an error.
func (s *Server) InstallFiles(grants []policy.Grant) error { return s.service.rules.fromFiles(grants) }

// FilesBroken notes why the policy files can't be read. What was in force stays
// so, and Status tells.
func (s *Server) FilesBroken(err error) { s.service.rules.failed(err) }
