package main

import (
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// signals are those that the daemon minds. One of stop asks for an orderly end;
// after it the next one ends the process at once, as is the system's custom.
type signals struct {
	stop chan os.Signal // one at most

	raw  chan os.Signal
	done sync.WaitGroup
}

// watchSignals starts to mind signals, until close. Without a terminal SIGHUP is
// a service manager's request to read configuration and policy again; at a
// terminal it says that the terminal went away.
func watchSignals(log *slog.Logger, reload func()) *signals {
	s := &signals{stop: make(chan os.Signal, 1), raw: make(chan os.Signal, 4)}
	// A closed log or client shows as an error of its write, not as a death.
	signal.Ignore(syscall.SIGPIPE)
	signal.Notify(s.raw, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	atTerminal := atTerminal()
	s.done.Go(func() {
		for got := range s.raw {
			if got == syscall.SIGHUP && !atTerminal {
				log.Info("SIGHUP: configuration and policy files are read again")
				reload()
				continue
			}
			select {
			case s.stop <- got:
				signal.Reset(os.Interrupt, syscall.SIGTERM)
			default:
			}
		}
	})
	return s
}

func (s *signals) close() {
	signal.Stop(s.raw)
	close(s.raw)
	s.done.Wait()
}
