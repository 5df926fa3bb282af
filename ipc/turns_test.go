package ipc

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTurnsFollowTheirNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(2)
		var running, most atomic.Int32
		compute := func() {
			if !turns.take(t.Context()) {
				t.Error("no turn")
				return
			}
			most.Store(max(most.Load(), running.Add(1)))
			time.Sleep(time.Second)
			running.Add(-1)
			turns.give()
		}
		for range 10 {
			go compute()
		}
		synctest.Wait()
		if n := running.Load(); n != 2 {
			t.Fatalf("%d run, want 2", n)
		}
		turns.set(4) // those that wait begin at once
		synctest.Wait()
		if n := running.Load(); n != 4 {
			t.Fatalf("%d run, want 4", n)
		}
		turns.set(1) // those that run end
		for range 2 {
			time.Sleep(time.Second)
			synctest.Wait()
			if n := running.Load(); n != 1 {
				t.Fatalf("%d run, want 1", n)
			}
		}
		time.Sleep(time.Minute)
		turns.mu.Lock()
		defer turns.mu.Unlock()
		if running.Load() != 0 || most.Load() != 4 || turns.running != 0 || len(turns.waiting) != 0 {
			t.Fatalf("%d run, at most %d did; %+v", running.Load(), most.Load(), turns)
		}
	})
}

func TestWhoGivesUpLosesNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turns := newTurns(1)
		if !turns.take(t.Context()) {
			t.Fatal("no turn")
		}
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan bool, 1)
		go func() { left <- turns.take(ctx) }()
		synctest.Wait()
		cancel()
		if <-left {
			t.Error("a turn was given while another ran")
		}
		turns.give()
		if !turns.take(t.Context()) || turns.running != 1 || len(turns.waiting) != 0 {
			t.Errorf("%+v", turns)
		}
	})
}
