package ipc

import "strings"

// ConfigState is what Status tells administrators of the daemon's configuration.
type ConfigState struct {
	Problem string   // why the newest one is not in force, empty when it is
	Restart []string // settings that have changed and take effect at the next start
}

// TellConfig has Status tell of the configuration from now on.
func (s *Server) TellConfig(c ConfigState) { s.service.config.Store(&c) }

// maxProblem bounds in bytes what Status quotes of a file that is wrong.
const maxProblem = 4 << 10

// problemText makes of what is wrong with a file a text that fits into a message,
// whatever the file holds.
func problemText(s string) string {
	if len(s) > maxProblem {
		s = s[:maxProblem] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
