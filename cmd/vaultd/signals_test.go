//go:build unix

package main

import (
	"log/slog"
	"os"
	"syscall"
	"testing"
	"time"
)

// A reload that hangs, and SIGHUPs without end, keep nobody from sealing the vault
// and stopping the daemon.
func TestStopIsHeardDuringReloads(t *testing.T) {
	if atTerminal() {
		t.Skip("SIGHUP says something else at a terminal")
	}
	reloading, end, sealed := make(chan struct{}, 1), make(chan struct{}), make(chan struct{}, 1)
	s := watchSignals(slog.New(slog.DiscardHandler), func() {
		select {
		case reloading <- struct{}{}:
		default:
		}
		<-end
	}, func() { sealed <- struct{}{} })
	defer s.close()
	defer close(end)
	kill := func(sig syscall.Signal) {
		if err := syscall.Kill(os.Getpid(), sig); err != nil {
			t.Fatal(err)
		}
	}
	kill(syscall.SIGHUP)
	<-reloading
	for range 100 {
		kill(syscall.SIGHUP)
	}
	kill(syscall.SIGUSR1)
	select {
	case <-sealed:
	case <-time.After(20 * time.Second):
		t.Fatal("the signal to seal was not heard")
	}
	kill(syscall.SIGTERM)
	select {
	case <-s.stop:
	case <-time.After(20 * time.Second):
		t.Fatal("it was not heard")
	}
}
