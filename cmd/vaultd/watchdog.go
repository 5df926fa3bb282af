package main

import (
	"bytes"
	"context"
	"runtime/pprof"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// watch keeps the service manager's watchdog quiet until ctx ends, if there is
// one: twice in the time that it allows, and only after alive has returned.
// What hangs, hangs alive, and the service manager ends the daemon.
func (m manager) watch(ctx context.Context, alive func()) {
	limit, err := sd.SdWatchdogEnabled(true)
	if err != nil {
		m.log.Warn("there is no watchdog", "err", err)
	}
	if limit > 0 {
		m.keepAlive(ctx, limit, alive)
	}
}

func (m manager) keepAlive(ctx context.Context, limit time.Duration, alive func()) {
	for {
		if !m.askAlive(ctx, limit/4, alive) {
			return
		}
		m.tell(sd.SdNotifyWatchdog)
		select {
		case <-time.After(limit / 2):
		case <-ctx.Done():
			return
		}
	}
}

// askAlive waits until alive returns, and reports false when ctx ends first. It
// logs where the daemon hangs after patience, while there is time to do so.
func (m manager) askAlive(ctx context.Context, patience time.Duration, alive func()) bool {
	answered := make(chan struct{})
	go func() {
		alive()
		close(answered)
	}()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case <-answered:
			return true
		case <-ctx.Done():
			return false
		case <-late.C:
			m.log.Error("the daemon hangs; the service manager's watchdog will end it", "after", patience, "goroutines", stacks())
		}
	}
}

// maxStacks bounds what is logged of a daemon that hangs, in bytes.
const maxStacks = 64 << 10

// stacks says where goroutines are, those at one place together. Unlike a
// crash's trace it has no arguments, which may be parts of keys.
func stacks() string {
	var b bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&b, 1) // to memory
	return string(b.Bytes()[:min(b.Len(), maxStacks)])
}
