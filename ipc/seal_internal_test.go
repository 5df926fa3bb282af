package ipc

import (
	"testing"
	"time"
)

// While a change of the policy waits, for an account directory that does not
// answer, keys must still go when the vault is sealed.
func TestSealDoesNotWaitForThePolicy(t *testing.T) {
	s := eyes(t)
	s.service.rules.mu.Lock() // as held over a search for groups
	sealed := make(chan error, 1)
	go func() { sealed <- s.Seal() }()
	for end := time.Now().Add(time.Minute); !s.service.vault.Status().Sealed; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Error("the vault is still open")
			break
		}
	}
	s.service.rules.mu.Unlock()
	if err := <-sealed; err != nil {
		t.Error(err)
	}
}
