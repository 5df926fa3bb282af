package ipc

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"sync"
	"time"

	"github.com/vaultd/vaultd/ipc/peer"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// maxProcesses bounds the processes that grants are bound to: each takes a file
// descriptor of the daemon's.
const maxProcesses = 256

// processes watches the processes that grants are bound to. It is safe for
// concurrent use.
type processes struct {
	ended func(policy.Process) error // called when one has ended, and again after an error

	stopped context.Context
	stop    context.CancelFunc
	tasks   sync.WaitGroup // one for each that is held

	mu   sync.Mutex // guards held
	held map[policy.Process]*peer.Pinned
}

func newProcesses(ended func(policy.Process) error) *processes {
	w := &processes{ended: ended, held: make(map[policy.Process]*peer.Pinned)}
	w.stopped, w.stop = context.WithCancel(context.Background())
	return w
}

var (
	errProcessGone = errors.New("the process has ended")
	errManyHeld    = fault.E(fault.CodeBusy, "grants are bound to %d processes, and can't be to more", maxProcesses).
			WithHint("remove some, or let their processes end")
)

// hold watches p from now on. It returns errProcessGone when p has ended, or
// lived before the machine was started.
func (w *processes) hold(p policy.Process) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.stopped.Err() != nil:
		return w.stopped.Err()
	case w.held[p] != nil:
		return nil
	case len(w.held) >= maxProcesses:
		return errManyHeld
	}
	pinned, err := peer.Pin(p.PID)
	switch {
	case errors.Is(err, peer.ErrGone):
		return errProcessGone
	case err != nil:
		return fmt.Errorf("process %d: %w", p.PID, err)
	case pinned.Started != p.Started || pinned.Boot != p.Boot:
		pinned.Close()
		return errProcessGone
	}
	w.held[p] = pinned
	w.tasks.Go(func() {
		if !pinned.Wait() {
			return
		}
		for w.ended(p) != nil && w.stopped.Err() == nil {
			wait(w.stopped, time.Second)
		}
	})
	return nil
}

// keep lets go of all but those in list.
func (w *processes) keep(list []policy.Process) {
	wanted := make(map[policy.Process]bool, len(list))
	for _, p := range list {
		wanted[p] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for p, pinned := range w.held {
		if !wanted[p] {
			pinned.Close()
			delete(w.held, p)
		}
	}
}

// close lets go of all and waits for who is just being told of an end.
func (w *processes) close() {
	w.stop()
	w.keep(nil)
	w.tasks.Wait()
}

// findProcess fills in which process the grant is for: the one that has the
// number now. What the grant says of it, and of its user, must be so.
func findProcess(g *policy.Grant) error {
	if g.Process == nil {
		return nil
	}
	asked := *g.Process
	if asked.PID <= 0 {
		return fault.E(fault.CodeBadArgument, "process: %d is no process number", asked.PID)
	}
	pinned, err := peer.Pin(asked.PID)
	switch {
	case errors.Is(err, peer.ErrGone):
		return fault.E(fault.CodeBadArgument, "process: there is no process %d", asked.PID)
	case errors.Is(err, peer.ErrNoPin):
		return fault.E(fault.CodeBadArgument, "process: no grant can be for one process on this system").
			WithHint("it takes Linux 6.5 or later; bind the grant to a unit instead").Because(err)
	case err != nil:
		return fault.E(fault.CodeBadArgument, "process: the daemon can't see process %d", asked.PID).Because(err)
	}
	pinned.Close()
	if asked.Started != 0 && asked.Started != pinned.Started || asked.Boot != "" && asked.Boot != pinned.Boot {
		return fault.E(fault.CodeBadArgument, "process: the process %d that began then has ended", asked.PID)
	}
	if g.UID != nil && *g.UID != pinned.UID || g.User != "" && !isUser(g.User, pinned.UID) {
		return fault.E(fault.CodeBadArgument, "process: process %d runs with uid %d, and so never matches the rest of the grant", asked.PID, pinned.UID)
	}
	g.Process = &policy.Process{PID: asked.PID, Started: pinned.Started, Boot: pinned.Boot}
	return nil
}

func isUser(name string, uid uint32) bool {
	u, err := user.Lookup(name)
	return err == nil && u.Uid == strconv.FormatUint(uint64(uid), 10)
}
