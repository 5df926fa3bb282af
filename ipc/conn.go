package ipc

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vaultd/vaultd/ipc/frame"
	"github.com/vaultd/vaultd/ipc/peer"
	"github.com/vaultd/vaultd/vault/policy"
)

// conn is an accepted connection whose peer is known.
type conn struct {
	*net.UnixConn
	server *Server
	uid    uint32
	kernel *policy.Principal        // what the kernel said when it was accepted
	id     atomic.Pointer[identity] // what follows from that now, see identify
	buffer frame.Buffer             // what was read and not yet handled
	once   sync.Once
	first  sync.Once   // see spoke
	http   atomic.Bool // belongs to the HTTP server, which drains it itself
}

// accept learns who is calling, counts the connection and serves it in a
// goroutine of its own. It does nothing that a client could make slow.
func (s *Server) accept(nc net.Conn) {
	uc, ok := nc.(*net.UnixConn)
	if !ok {
		s.log.Error("refused a connection that is no Unix socket")
		_ = nc.Close()
		return
	}
	creds, err := peer.Read(uc)
	if err != nil {
		s.log.Warn("refused a connection", "err", err)
		_ = uc.Close()
		return
	}
	c := &conn{UnixConn: uc, server: s, uid: creds.UID}
	// Where the account is another one than it was, so is who is in its groups.
	first := &policy.Principal{
		UID: creds.UID, GID: creds.GID, Groups: creds.Groups, PID: creds.PID, Changed: s.principals.refuses(creds.UID),
	}
	c.id.Store(&identity{who: first, rank: s.rankOf(first)})
	if !s.admission.admit(creds.UID, c.rank()) {
		s.connsRefused.Add(1)
		s.crowd.note(refusal{who: first}) // a flood must neither fill the log nor wait for it
		creds.Close()
		s.refuse(uc)
		return
	}
	c.buffer.Max = s.limits().MessageSize + frame.RequestHeader
	c.buffer.Grow = func(delta int) bool { return s.admission.grow(c.uid, c.rank(), delta) }
	if !s.track(c) {
		creds.Close()
		_ = c.Close()
		return
	}
	go func() {
		defer s.tasks.Done()
		// The account database may be slow; nobody else waits for it here.
		c.kernel = creds.Principal()
		creds.Close()
		c.identifyBy(s.principals.arrived)
		s.split(c)
	}()
}

// rank is that of who the connection was found to be last.
func (c *conn) rank() rank { return c.id.Load().rank }

// track counts c among the connections that Shutdown waits for.
func (s *Server) track(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		return false
	}
	s.conns[c] = struct{}{}
	s.tasks.Add(1)
	s.fresh.Add(1)
	return true
}

// spoke notes that the connection's first request is being read, after which a
// server that shuts down does not wait for it.
func (c *conn) spoke() { c.first.Do(c.server.fresh.Done) }

// Close closes the connection and gives back what it held.
func (c *conn) Close() error {
	err := c.UnixConn.Close()
	c.once.Do(func() {
		c.server.mu.Lock()
		if _, tracked := c.server.conns[c]; tracked {
			delete(c.server.conns, c)
			c.spoke()
		}
		c.server.mu.Unlock()
		c.server.admission.leave(c.uid)
	})
	return err
}

// wake ends a wait for the next request, so that the connection notices that
// the server is draining. It is called after draining is set; whoever waits
// sets its deadline first and looks at draining then, so that one of the two is seen.
func (c *conn) wake() {
	if !c.http.Load() {
		_ = c.SetReadDeadline(time.Unix(1, 0))
	}
}

// split reads the first bytes and serves the form of the protocol that they begin.
func (s *Server) split(c *conn) {
	_ = c.SetReadDeadline(time.Now().Add(s.limits().HeaderTimeout))
	if s.draining.Load() || c.buffer.Fill(c.UnixConn) != nil {
		c.buffer.Release()
		_ = c.Close()
		return
	}
	switch first := c.buffer.Bytes()[0]; {
	case first == frame.Preface[0]:
		c.spoke()
		s.serveFrames(c)
	case first >= 'A' && first <= 'Z':
		c.http.Store(true)
		_ = c.SetReadDeadline(time.Time{})
		s.giveHTTP(c)
	default:
		c.buffer.Release()
		_ = c.Close()
	}
}

// refuse tells a client that there is no room, in the form that it speaks, and
// closes the connection. Only a few clients are told at a time; the others
// are just closed.
func (s *Server) refuse(c *net.UnixConn) {
	select {
	case s.refusals <- struct{}{}:
	default:
		_ = c.Close()
		return
	}
	go func() {
		defer func() { _ = c.Close(); <-s.refusals }()
		_ = c.SetDeadline(time.Now().Add(250 * time.Millisecond))
		var first [1]byte
		if _, err := c.Read(first[:]); err != nil {
			return
		}
		if first[0] == frame.Preface[0] {
			_, _ = c.Write(appendFault(nil, errTooManyConnections))
			return
		}
		_, _ = c.Write([]byte(httpTooManyConnections))
	}()
}
