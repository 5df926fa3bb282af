package ipc

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vaultd/vaultd/vault/fault"
)

func testAdmission() *admission {
	return newAdmission(Limits{
		Connections: 20, ConnectionsPerUser: 8, ReservedConnections: 4,
		Memory: 1000, MemoryPerUser: 400, Expensive: 1, ExpensivePerUser: 2,
	})
}

// fill admits connections of uid until one is refused.
func fill(a *admission, uid uint32, r rank) (n int) {
	for a.admit(uid, r) {
		n++
	}
	return n
}

func TestUsersCannotLockAdministratorsOut(t *testing.T) {
	a := testAdmission()
	for uid, want := range map[uint32]int{1001: 8, 1002: 8} {
		if n := fill(a, uid, rankUser); n != want {
			t.Errorf("uid %d got %d connections, want %d", uid, n, want)
		}
	}
	if n := fill(a, 1003, rankUser); n != 0 {
		t.Errorf("a third user got %d connections of the reserve", n)
	}
	if n := fill(a, 500, rankAdmin); n != 2 {
		t.Errorf("an administrator got %d connections of the reserve, want 2", n)
	}
	if n := fill(a, 0, rankRoot); n != 2 {
		t.Errorf("root got %d connections of the reserve, want 2", n)
	}
	a.leave(1001)
	if !a.admit(0, rankRoot) {
		t.Error("a connection given back is not there for root")
	}
}

func TestRootHasNoLimitOfItsOwn(t *testing.T) {
	if n := fill(testAdmission(), 0, rankRoot); n != 20 {
		t.Errorf("root got %d of 20 connections", n)
	}
}

func TestMemoryIsCountedPerUserAndInTotal(t *testing.T) {
	a := testAdmission()
	if a.grow(1001, rankUser, 401) {
		t.Error("one user took more than its share")
	}
	for uid := range uint32(2) {
		if !a.grow(1001+uid, rankUser, 400) {
			t.Error("a user did not get its share")
		}
	}
	if a.grow(1003, rankUser, 201) {
		t.Error("users took more than there is")
	}
	if !a.grow(500, rankAdmin, 201) {
		t.Error("users took the administrators' memory")
	}
	a.grow(1001, rankUser, -400)
	a.grow(1002, rankUser, -400)
	a.grow(500, rankAdmin, -201)
	if a.total != (holding{}) || len(a.byUser) != 0 {
		t.Errorf("after all was given back: %+v and %d entries", a.total, len(a.byUser))
	}
}

func TestSlowRequestsQueueAndAreRefusedWhenTooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := testAdmission()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		first, err := a.expensive(ctx, 1001, rankUser)
		if err != nil {
			t.Fatal(err)
		}
		second := make(chan func())
		go func() {
			done, err := a.expensive(ctx, 1001, rankUser)
			if err != nil {
				t.Error(err)
			}
			second <- done
		}()
		synctest.Wait()
		if _, err := a.expensive(ctx, 1001, rankUser); !errors.Is(err, &fault.Error{Code: fault.CodeBusy}) {
			t.Errorf("third of one user: %v", err)
		}
		if done, err := a.expensive(ctx, 0, rankRoot); err != nil {
			t.Errorf("an administrator waits for a user: %v", err)
		} else {
			done()
		}
		short, stop := context.WithTimeout(ctx, time.Second)
		defer stop()
		if _, err := a.expensive(short, 1002, rankUser); !errors.Is(err, &fault.Error{Code: fault.CodeBusy}) {
			t.Errorf("waiting in vain: %v", err)
		}
		first()
		(<-second)()
		if a.byUser[1001] != nil || a.byUser[1002] != nil {
			t.Error("entries are left behind")
		}
	})
}
