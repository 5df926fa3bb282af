package ipc

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vaultd/vaultd/vault/policy"
	"github.com/vaultd/vaultd/vault/policy/quota"
)

// told collects what refusals record.
type told struct {
	mu  sync.Mutex // guards all
	all []refusal
}

func (t *told) record(r refusal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, r)
}

func (t *told) sum() (records, requests int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.all {
		requests += r.count
	}
	return len(t.all), requests
}

func TestFloodOfRefusalsIsOneRecordASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log told
		r := newRefusals(log.record)
		alice, bob := &policy.Principal{UID: 1001}, &policy.Principal{UID: 1002}
		r.note(refusal{who: alice, action: policy.Encrypt})
		synctest.Wait()
		if records, requests := log.sum(); records != 1 || requests != 1 {
			t.Fatalf("the first is told by %d records of %d requests", records, requests)
		}
		for range 10_000 { // ten seconds
			time.Sleep(time.Millisecond)
			r.note(refusal{who: alice, action: policy.Decrypt})
		}
		r.note(refusal{who: bob, action: policy.Encrypt})
		time.Sleep(time.Minute)
		synctest.Wait()
		if records, requests := log.sum(); records > 1+11+1 || requests != 10_002 {
			t.Errorf("%d records tell of %d requests", records, requests)
		}
		if n := len(r.byUser); n != 0 {
			t.Errorf("%d uids are remembered after a minute", n)
		}
		// What ends in the middle of a second is counted as well.
		for range 5 {
			r.note(refusal{who: alice})
		}
		r.close()
		if _, requests := log.sum(); requests != 10_007 {
			t.Errorf("%d requests told at the end", requests)
		}
	})
}

// Somebody with many uids gets no more records out of it than there is room for.
func TestRefusalsOfManyUsersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log told
		r := newRefusals(log.record)
		const users = 3 * quota.MaxPrincipals
		for uid := range uint32(users) {
			r.note(refusal{who: &policy.Principal{UID: 100_000 + uid}})
		}
		r.mu.Lock()
		n := len(r.byUser)
		r.mu.Unlock()
		if n > quota.MaxPrincipals+1 {
			t.Errorf("%d uids are remembered", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		records, requests := log.sum()
		if records > quota.MaxPrincipals+2 || requests != users {
			t.Errorf("%d records tell of %d requests", records, requests)
		}
		if last := log.all[len(log.all)-1]; !last.several {
			t.Errorf("the last one is of several uids: %+v", last)
		}
		r.close()
	})
}
