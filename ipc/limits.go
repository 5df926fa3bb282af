package ipc

import (
	"runtime"
	"time"
)

// Limits bound what clients can take of the daemon. A field that is zero takes
// its default, which DefaultLimits shows.
type Limits struct {
	// MessageSize is the largest request in bytes. Answers may be twice as large.
	MessageSize int
	// Connections is how many may be open at once, in total.
	Connections int
	// ConnectionsPerUser is how many one uid may have open; root is exempt.
	ConnectionsPerUser int
	// ReservedConnections of Connections are kept for administrators, half of
	// them for root alone, so that no user can lock them out.
	ReservedConnections int
	// InFlight is how many requests one HTTP/2 connection may have running.
	// Other connections have one: frames are handled in order.
	InFlight int
	// Memory is how many bytes messages may take in total, MemoryPerUser how
	// many those of one uid. Root is exempt from the second.
	Memory, MemoryPerUser int
	// Expensive is how many slow computations (RSA key generation, password
	// derivation) run at once; administrators have one more to themselves.
	Expensive int
	// ExpensivePerUser is how many of them one uid may run or wait for.
	ExpensivePerUser int

	// RequestsPerSecond is how many requests of one uid are looked at, with
	// RequestBurst of them at once after a pause; ChangesPerSecond and ChangeBurst
	// are the same for what changes something or gives material away. A rate of
	// zero is no limit, which is the default. Root and the daemon's user are
	// exempt, and so are sealing and revoking.
	RequestsPerSecond, RequestBurst int
	ChangesPerSecond, ChangeBurst   int

	RequestTimeout time.Duration // for receiving a request, and again for handling it
	HeaderTimeout  time.Duration // for the first bytes of a connection and for HTTP headers
	WriteTimeout   time.Duration // for the client to take an answer
	IdleTimeout    time.Duration // between requests
}

// DefaultLimits fit a host with some hundred programs that use the vault.
func DefaultLimits() Limits {
	return Limits{
		MessageSize:         1 << 20,
		Connections:         1024,
		ConnectionsPerUser:  128,
		ReservedConnections: 16,
		InFlight:            16,
		Memory:              128 << 20,
		MemoryPerUser:       32 << 20,
		Expensive:           max(1, runtime.GOMAXPROCS(0)/2),
		ExpensivePerUser:    8,
		RequestBurst:        1000,
		ChangeBurst:         1000,
		RequestTimeout:      30 * time.Second,
		HeaderTimeout:       5 * time.Second,
		WriteTimeout:        10 * time.Second,
		IdleTimeout:         10 * time.Minute,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct{ value, standard *int }{
		{&l.MessageSize, &d.MessageSize},
		{&l.Connections, &d.Connections},
		{&l.ConnectionsPerUser, &d.ConnectionsPerUser},
		{&l.ReservedConnections, &d.ReservedConnections},
		{&l.InFlight, &d.InFlight},
		{&l.Memory, &d.Memory},
		{&l.MemoryPerUser, &d.MemoryPerUser},
		{&l.Expensive, &d.Expensive},
		{&l.ExpensivePerUser, &d.ExpensivePerUser},
		{&l.RequestBurst, &d.RequestBurst},
		{&l.ChangeBurst, &d.ChangeBurst},
	} {
		if *f.value <= 0 {
			*f.value = *f.standard
		}
	}
	for _, f := range []struct{ value, standard *time.Duration }{
		{&l.RequestTimeout, &d.RequestTimeout},
		{&l.HeaderTimeout, &d.HeaderTimeout},
		{&l.WriteTimeout, &d.WriteTimeout},
		{&l.IdleTimeout, &d.IdleTimeout},
	} {
		if *f.value <= 0 {
			*f.value = *f.standard
		}
	}
	return l
}

// SetLimits puts other limits in force, while requests run: connections see
// them at their next request, and new ones from the start. What is held already,
// be it more than the new limits allow, stays held and counted. An HTTP
// connection keeps the message size and the times that it began with.
func (s *Server) SetLimits(l Limits) {
	l = l.withDefaults()
	s.setting.Lock()
	defer s.setting.Unlock()
	before := s.limits()
	if *before == l {
		return
	}
	s.inForce.Store(&l)
	s.admission.setLimits(l)
	s.rates.set(l, time.Now())
	if !sameHTTP(*before, l) {
		s.renewHTTP(l)
	}
}

// limits are those in force; the caller keeps them for one step only.
func (s *Server) limits() *Limits { return s.inForce.Load() }
