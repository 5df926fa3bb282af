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

	ends, hangups, seals chan os.Signal // as they come
	done                 sync.WaitGroup
}

// watchSignals starts to mind signals, until close. Without a terminal SIGHUP is
// a service manager's request to read configuration and policy again; at a
// terminal it says that the terminal went away.
//
// A request to end, or to seal, never waits for a reload, nor is it lost among many
// SIGHUPs. Of these one that waits is as good as more.
func watchSignals(log *slog.Logger, reload, seal func()) *signals {
	s := &signals{
		stop: make(chan os.Signal, 1), ends: make(chan os.Signal, 1),
		hangups: make(chan os.Signal, 1), seals: make(chan os.Signal, 1),
	}
	// A closed log or client shows as an error of its write, not as a death.
	signal.Ignore(syscall.SIGPIPE)
	signal.Notify(s.ends, os.Interrupt, syscall.SIGTERM)
	if atTerminal() {
		signal.Notify(s.ends, syscall.SIGHUP)
	} else {
		signal.Notify(s.hangups, syscall.SIGHUP)
	}
	if len(sealSignals) > 0 { // else Notify would take all
		signal.Notify(s.seals, sealSignals...)
	}
	s.done.Go(func() {
		for range s.seals {
			seal()
		}
	})
	s.done.Go(func() {
		for got := range s.ends {
			select {
			case s.stop <- got:
				signal.Reset(os.Interrupt, syscall.SIGTERM)
			default:
			}
		}
	})
	s.done.Go(func() {
		for range s.hangups {
			log.Info("SIGHUP: configuration and policy files are read again")
			reload()
		}
	})
	return s
}

func (s *signals) close() {
	signal.Stop(s.ends)
	signal.Stop(s.hangups)
	signal.Stop(s.seals)
	close(s.ends)
	close(s.hangups)
	close(s.seals)
	s.done.Wait()
}
