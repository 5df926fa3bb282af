package ipc

import (
	"errors"
	"testing"

	"github.com/vaultd/vaultd/ipc/peer"
	"github.com/vaultd/vaultd/vault/policy"
)

func TestProcessesAreBounded(t *testing.T) {
	w := newProcesses(func(policy.Process) error { return nil })
	for n := range maxProcesses {
		w.held[policy.Process{PID: int32(n + 1), Started: 1}] = &peer.Pinned{}
	}
	if err := w.hold(policy.Process{PID: 7, Started: 1}); err != nil {
		t.Errorf("one that is held: %v", err)
	}
	if err := w.hold(policy.Process{PID: 7, Started: 2}); !errors.Is(err, errManyHeld) {
		t.Errorf("one more: %v", err)
	}
	w.close()
	if err := w.hold(policy.Process{PID: 7, Started: 2}); err == nil {
		t.Error("held after the end")
	}
}
