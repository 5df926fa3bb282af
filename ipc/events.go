package ipc

import (
	"crypto/rand"
	"encoding/hex"
	"sync"

	"github.com/vaultd/vaultd/vault"
)

// maxEvents is how many events are kept: half a megabyte.
const maxEvents = 4096

// keyEvents are what happened to keys lately, in memory only: the audit log is
// what lasts. Events are numbered from 1 in each run of the daemon. All methods
// are safe for concurrent use.
type keyEvents struct {
	run string // names this run, so that a number of another is not taken for one of its own

	mu   sync.Mutex // guards what follows
	ring []vault.KeyEvent
	last uint64        // number of the newest; 0 is none
	more chan struct{} // closed when the next comes
}

func newKeyEvents() *keyEvents {
	var run [8]byte
	_, _ = rand.Read(run[:])
	return &keyEvents{run: hex.EncodeToString(run[:]), more: make(chan struct{})}
}

// add keeps an event, and wakes who waits. The vault calls it with locks held.
func (k *keyEvents) add(e vault.KeyEvent) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.ring) < maxEvents {
		k.ring = append(k.ring, e)
	} else {
		k.ring[k.last%maxEvents] = e
	}
	k.last++
	close(k.more)
	k.more = make(chan struct{})
}

// numbered is an event with its number.
type numbered struct {
	vault.KeyEvent
	number uint64
}

// from returns at most limit events from a number on, whether some before them
// are forgotten, and a channel that is closed when another comes.
func (k *keyEvents) from(number uint64, limit int) (events []numbered, missed bool, more <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	oldest := k.last - uint64(len(k.ring)) + 1
	if number < oldest {
		number, missed = oldest, number > 0
	}
	for ; number <= k.last && len(events) < limit; number++ {
		events = append(events, numbered{k.ring[(number-1)%maxEvents], number})
	}
	return events, missed, k.more
}

// end is the number that the next event gets.
func (k *keyEvents) end() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.last + 1
}
