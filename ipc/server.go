package ipc

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
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

	// Machine names this machine to bindings of accounts: an account that was
	// bound on another is not the same. Empty where it has no id.
	Machine string
	// Accounts finds user names; nil asks the system. AccountFile is watched
	// for changes of them, empty is the system's; and all accounts are looked
	// at every AccountsEvery, zero is a minute.
	Accounts      *peer.Resolver
	AccountFile   string
	AccountsEvery time.Duration

	// AuditLog takes a record of every request: before it is performed, if it
	// changes something, and after. The server does not close it. Nil is none.
	AuditLog *audit.Log

	// TPM is the device of the TPM that opens key slots; empty is none.
	TPM string

	// Metrics counts requests, for ServeMetrics.
	Metrics bool
}

// Server answers requests to one vault on any number of listeners.
type Server struct {
	log        *slog.Logger
	policy     *policy.Policy
	inForce    atomic.Pointer[Limits]
	setting    sync.Mutex // held while limits change
	audit      func(context.Context, Event) error
	trail      *trail // nil without an audit log
	meter      *meter // nil without metrics
	service    *service
	principals *principals
	admission  *admission
	rates      *rates
	web        atomic.Pointer[webServer] // takes new connections
	used       atomic.Bool               // a key was used, see KeysUsed
	refusals   chan struct{}             // bounds the goroutines that tell a client that there is no room

	connsRefused atomic.Uint64
	crowd        *refusals // connections that were refused, for the daemon's log

	base     context.Context // of every request
	stop     context.CancelFunc
	stopping atomic.Bool    // accepts no more
	draining atomic.Bool    // ends connections between requests
	loops    sync.WaitGroup // Serve, once for each listener
	fresh    sync.WaitGroup // connections that have sent nothing yet
	tasks    sync.WaitGroup // connections, the HTTP server, and who looks at accounts

	mu        sync.Mutex // guards what follows
	conns     map[*conn]struct{}
	listeners map[net.Listener]struct{}
	webs      map[*webServer]struct{} // that have connections, or get new ones
	webRuns   bool                    // new ones are served
	// stopLooking ends the look at accounts; nil before there is one.
	stopLooking context.CancelFunc
}

// NewServer makes a server that serves nothing yet.
func NewServer(c Config) *Server {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		log:       c.Log,
		policy:    c.Policy,
		audit:     c.Audit,
		refusals:  make(chan struct{}, 32),
		conns:     make(map[*conn]struct{}),
		listeners: make(map[net.Listener]struct{}),
		webs:      make(map[*webServer]struct{}),
	}
	limits := c.Limits.withDefaults()
	s.inForce.Store(&limits)
	s.service = &service{
		vault: c.Vault, policy: c.Policy, version: c.Version, messageSize: func() int { return s.limits().MessageSize },
		rules: newRules(c.Policy, c.Vault, c.Log), denials: policy.NewDenials(c.Policy), approvals: newApprovals(),
		events: newKeyEvents(),
		shares: newShareDesk(), tpm: c.TPM,
	}
	s.service.batch = s.batch
	var life vault.LifeEvents
	if c.AuditLog != nil {
		s.trail = newTrail(c.AuditLog, c.Log, c.Vault)
		s.service.rules.trail = s.trail
		life = s.trail.life()
		s.service.audit, s.service.readers = c.AuditLog, newReaders()
	}
	life.Happened = s.service.events.add
	c.Vault.OnLife(life)
	s.principals = newPrincipals(c, s.trail)
	s.service.principals = s.principals
	c.Vault.OnPolicyRecords(s.takePolicyRecords)
	s.admission = newAdmission(limits)
	s.rates = newRates(limits, s.recordRefused)
	s.crowd = newRefusals(func(r refusal) {
		s.log.Warn("refused connections: too many are open", "uid", r.who.UID, "pid", r.who.PID, "refused", r.count, "several_uids", r.several)
	})
	if c.Metrics {
		s.meter = newMeter(s, c.Version)
	}
	s.base, s.stop = context.WithCancel(context.Background())
	s.renewHTTP(limits)
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

// takePolicyRecords takes what the vault keeps for the policy, all of it or nothing.
func (s *Server) takePolicyRecords(k *vault.PolicyRecords) error {
	if err := s.principals.fromVault(k); err != nil {
		return err
	}
	err := s.service.rules.fromVault(k)
	if err != nil && k != nil {
		_ = s.principals.fromVault(nil) // has nothing to fail at
	}
	return err
}

// enlist notes a listener for Shutdown, and starts with the first what runs beside connections.
func (s *Server) enlist(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() {
		return false
	}
	s.listeners[l] = struct{}{}
	s.loops.Add(1)
	if !s.webRuns {
		s.webRuns = true
		s.runHTTP(s.web.Load())
		looking, stop := context.WithCancel(s.base)
		s.stopLooking = stop
		s.tasks.Go(func() { s.principals.watchAccounts(looking) })
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
	if s.stopLooking != nil {
		s.stopLooking()
	}
	s.mu.Unlock()

	err := s.shutDownHTTP(ctx)
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
	s.service.readings.close()
	s.rates.refused.close()
	s.crowd.close()
	s.service.shares.close()
	s.service.rules.close()
	s.service.rules.flush()
	return err
}

// cutOff ends every request and closes every connection.
func (s *Server) cutOff() {
	s.stopping.Store(true)
	s.draining.Store(true)
	s.stop()
	for _, w := range s.webServers() { // closing a connection takes s.mu
		_ = w.Close()
		_ = w.handOver.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.UnixConn.Close()
	}
}

// PolicyInForce tells which policy decides: its generation, and the hash of its grants.
func (s *Server) PolicyInForce() (generation uint64, hash string) {
	generation, hash, _ = s.service.rules.state()
	return generation, hash
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
	s.service.auditStatus(&vaultdv1.StatusResponse{}, false)
	s.log.Debug("alive", "connections", open, "sealed", s.service.vault.Status().Sealed)
}

// InstallFiles puts the grants of policy files in force, in place of those of
// the files before. Grants that can't be put in force change nothing but what
// Status says, and are an error.
func (s *Server) InstallFiles(grants []policy.Grant) error { return s.service.rules.fromFiles(grants) }

// FilesBroken notes why the policy files can't be read. What was in force stays
// so, and Status tells.
func (s *Server) FilesBroken(err error) { s.service.rules.failed(err) }
