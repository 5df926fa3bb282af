package ipc

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
)

// webServer is one HTTP server. Its sizes and times are fixed from its start, so
// that other limits take another server for new connections, while the old one
// serves those that it has to their end.
type webServer struct {
	*http.Server
	handOver *handOver
	conns    int  // guarded by Server.mu
	replaced bool // no new ones come; guarded by Server.mu
}

// sameHTTP reports whether a server made for a serves for b as well.
func sameHTTP(a, b Limits) bool {
	return a.MessageSize == b.MessageSize && a.InFlight == b.InFlight && a.HeaderTimeout == b.HeaderTimeout &&
		a.RequestTimeout == b.RequestTimeout && a.WriteTimeout == b.WriteTimeout && a.IdleTimeout == b.IdleTimeout
}

// renewHTTP has a new server serve the connections that come from now on.
func (s *Server) renewHTTP(l Limits) {
	next := &webServer{Server: s.newHTTPServer(l), handOver: newHandOver()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		return
	}
	s.webs[next] = struct{}{}
	if s.webRuns {
		s.runHTTP(next)
	}
	if before := s.web.Swap(next); before != nil {
		before.replaced = true
		_ = before.handOver.Close() // ends its Serve, and no connection
		s.dropHTTP(before)
	}
}

// runHTTP serves what w is given; mu is held.
func (s *Server) runHTTP(w *webServer) {
	s.tasks.Go(func() { _ = w.Serve(w.handOver) })
}

// giveHTTP hands a connection to the newest server, or closes it.
func (s *Server) giveHTTP(c *conn) {
	h := &httpConn{conn: c}
	for {
		s.mu.Lock()
		h.web = s.web.Load()
		h.web.conns++
		s.mu.Unlock()
		if h.web.handOver.give(h) {
			return
		}
		if s.draining.Load() {
			_ = h.Close()
			return
		}
		s.leaveHTTP(h.web) // another has taken its place
	}
}

// leaveHTTP counts a connection of w out.
func (s *Server) leaveHTTP(w *webServer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.conns--
	s.dropHTTP(w)
}

// dropHTTP forgets a server that has nothing left to do; mu is held.
func (s *Server) dropHTTP(w *webServer) {
	if w.replaced && w.conns == 0 {
		delete(s.webs, w)
	}
}

func (s *Server) webServers() []*webServer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.webs))
}

// shutDownHTTP lets the requests of all servers finish.
func (s *Server) shutDownHTTP(ctx context.Context) error {
	all := s.webServers()
	ended := make(chan error, len(all))
	for _, w := range all {
		go func() {
			_ = w.handOver.Close()
			ended <- w.Shutdown(ctx)
		}()
	}
	var err error
	for range all {
		err = errors.Join(err, <-ended)
	}
	return err
}
