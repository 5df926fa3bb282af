package ipc

// HTTPServers is how many HTTP servers the server keeps.
func (s *Server) HTTPServers() int { return len(s.webServers()) }
