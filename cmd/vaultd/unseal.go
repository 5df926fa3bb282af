package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/ipc"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

// bootTime is how long clients, and units that are ordered after the daemon, wait for
// a vault that opens by itself. A try that takes longer goes on while they are
// told that it is sealed.
const bootTime = time.Minute

// unsealer opens the vault without a person, where it was given the means: once at
// the start, and once at each reload. What fails is told and not tried again by
// itself. A vault that was sealed while the daemon ran, by whomever, stays sealed.
type unsealer struct {
	vault  *vault.Vault
	server *ipc.Server
	own    *ownRecords
	log    *slog.Logger

	stopped atomic.Bool
	running sync.WaitGroup

	trying sync.Mutex // held over a try; guards told
	told   string     // problems that the log has

	mu       sync.Mutex // guards what follows
	config   config.Unseal
	problems []string
}

// configure has later tries go by c.
func (u *unsealer) configure(c config.Unseal) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.config = c
	u.tell()
}

// tell is for clients. The caller holds u.mu.
func (u *unsealer) tell() {
	state := ipc.Unsealing{KeyFile: u.config.KeyFile, Problems: slices.Clone(u.problems)}
	for _, name := range u.config.Sources {
		if name != config.SourceKeyFile || u.config.KeyFile != "" {
			state.Kinds = append(state.Kinds, sources[name].kind)
		}
	}
	u.server.TellUnsealing(state)
}

// start begins a try. What it returns is closed when that has ended, or when
// nobody should wait for it any longer.
func (u *unsealer) start(ctx context.Context) <-chan struct{} {
	ended, tried := make(chan struct{}), make(chan struct{})
	u.running.Go(func() {
		defer close(ended)
		u.try(ctx)
	})
	u.running.Go(func() {
		defer close(tried)
		patience := time.NewTimer(bootTime)
		defer patience.Stop()
		select {
		case <-ended:
		case <-patience.C:
			u.log.Warn("the vault is still being unsealed; those who wait for the daemon go on without it")
		}
	})
	return tried
}

// stop begins no further source, and waits for the one that is tried.
func (u *unsealer) stop() {
	u.stopped.Store(true)
	u.running.Wait()
}

// try asks every source in turn until one opens the vault.
func (u *unsealer) try(ctx context.Context) {
	u.trying.Lock()
	defer u.trying.Unlock()
	if s := u.vault.Status(); !s.Initialized || !s.Sealed || u.vault.Sealing().OnPurpose() {
		return
	}
	slots, err := u.vault.Slots()
	if err != nil {
		return // the status tells of a damaged header
	}
	u.mu.Lock()
	c := u.config
	u.mu.Unlock()
	var problems []string
	for _, name := range c.Sources {
		mine := slices.DeleteFunc(slices.Clone(slots), func(s vault.SlotInfo) bool { return s.Kind != sources[name].kind })
		if len(mine) == 0 || u.stopped.Load() {
			continue
		}
		err := u.ask(ctx, name, c, mine)
		if err == nil {
			problems = nil
			break
		}
		problems = append(problems, name+": "+err.Error())
		if !tellsOfOneSecret(err) {
			break // every other secret would meet it as well
		}
	}
	u.finish(problems)
}

// ask tries what one source has.
func (u *unsealer) ask(ctx context.Context, name string, c config.Unseal, slots []vault.SlotInfo) error {
	found, err := sources[name].find(c, slots)
	var warnings []string
	for _, f := range found {
		warnings, err = u.server.Unseal(ctx, vault.SlotSecret{Kind: sources[name].kind, Slot: f.slot, Secret: f.secret.Bytes()})
		for _, w := range warnings {
			u.log.Warn("vault", "warning", w)
		}
		if err == nil {
			break
		}
	}
	for _, f := range found {
		f.secret.Wipe()
	}
	var known *fault.Error
	if errors.As(err, &known) && slices.Contains([]fault.Code{fault.CodeUnsealed, fault.CodeSealed, fault.CodeUnreachable}, known.Code) {
		return nil // somebody was faster, unsealing or sealing it, or the daemon stops
	}
	extra := []audit.Field{{Name: "source", Value: name}}
	if err == nil {
		with := u.vault.UnsealedWith()
		extra = append(extra, audit.Field{Name: "slot", Value: with})
		u.log.Info("the vault was unsealed without a person", "source", name, "slot", with)
	}
	if len(warnings) > 0 { // such as that the vault was restored
		extra = append(extra, audit.Field{Name: "warnings", Value: strings.Join(warnings, "; ")})
	}
	u.own.unsealed(err, extra...)
	return err
}

// tellsOfOneSecret reports whether another secret may do better.
func tellsOfOneSecret(err error) bool {
	var known *fault.Error
	return !errors.As(err, &known) || known.Code == fault.CodeWrongPassword || known.Code == fault.CodeSlotNotFound ||
		known.Code == fault.CodeTPMRefused || known.Code == fault.CodeTPMFailed ||
		known.Code == fault.CodeUnlockThrottled // the TPM's: nothing else that is tried here is throttled
}

// finish tells why the vault is sealed, in the log once.
func (u *unsealer) finish(problems []string) {
	text := strings.Join(problems, "\n")
	if text != "" && text != u.told {
		for _, p := range problems {
			u.log.Warn("the vault did not unseal by itself; run 'vaultctl unseal', or mend it and reload", "problem", p)
		}
	}
	u.told = text
	u.mu.Lock()
	defer u.mu.Unlock()
	u.problems = problems
	u.tell()
}
