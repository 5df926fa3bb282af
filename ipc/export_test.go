package ipc

import "time"

// HTTPServers is how many HTTP servers the server keeps.
func (s *Server) HTTPServers() int { return len(s.webServers()) }

// SetReadingIdle says how long backups and checks that begin from now on are
// kept when nobody goes on with them.
func (s *Server) SetReadingIdle(d time.Duration) {
	l := &s.service.readings
	l.mu.Lock()
	defer l.mu.Unlock()
	l.idle = d
}
