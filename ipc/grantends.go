package ipc

import (
	"context"
	"errors"
	"slices"

	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// keepProcesses lets go of processes that no grant in force is for. The caller
// holds r.mu.
func (r *rules) keepProcesses() {
	var list []policy.Process
	if set := r.policy.Set(); set != nil {
		list = set.Processes()
	}
	r.processes.keep(list)
}

// processEnded ends the grants of a process: at once in what is in force, and
// then in the vault.
func (r *rules) processEnded(p policy.Process) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var over, kept []policy.Grant
	for _, g := range r.kept {
		if g.Process != nil && *g.Process == p {
			over = append(over, g)
		} else {
			kept = append(kept, g)
		}
	}
	if len(over) == 0 {
		return nil
	}
	if err := r.reduce(kept, r.uses); err != nil {
		r.log.Error("the grants of a process that has ended stay in force for now", "pid", p.PID, "err", err)
		return err
	}
	r.over = append(r.over, over...)
	r.removeOver()
	return nil
}

// removeOver removes from the vault what is out of force since its process has
// ended. What can't be removed now is tried again later. The caller holds r.mu.
func (r *rules) removeOver() {
	ctx, cancel := context.WithTimeout(context.Background(), outcomeTime)
	defer cancel()
	r.over = slices.DeleteFunc(r.over, func(g policy.Grant) bool {
		err := r.vault.RemoveGrant(ctx, g.ID)
		switch {
		case err == nil:
			r.uses.Forget(g.ID)
			r.log.Info("grant ended with its process", "grant", g.ID, "pid", g.Process.PID)
			r.trail.grantEnded(ctx, g)
			return true
		case errors.Is(err, fault.E(fault.CodeGrantNotFound, "")):
			return true // somebody was faster
		case !errors.Is(err, fault.ErrSealed):
			r.log.Warn("a grant whose process has ended is still in the vault", "grant", g.ID, "err", err)
		}
		return false
	})
}

// sweep removes what the unseal has left.
func (r *rules) sweep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.removeOver()
}
