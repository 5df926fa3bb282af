package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/internal/logind"
	"github.com/vaultd/vaultd/ipc"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/policy"
)

// autoSeal seals the vault when nobody asks for it over the socket: as [seal] of
// the configuration says, and for the daemon's other parts.
type autoSeal struct {
	server  *ipc.Server
	vault   *vault.Vault
	own     *ownRecords
	log     *slog.Logger
	machine bool // the vault is the machine's, and no user's

	idle *idleSeal

	setting sync.Mutex // held while settings change; guards what follows
	inForce config.Seal
	sleeps  *logind.Watcher // nil while nothing of logind is wanted

	telling sync.Mutex // guards what follows; taken by the watcher, which setting waits for
	deaf    error      // why logind is not heard
	wanted  []string   // settings that want it
}

// start begins with c, until close.
func (a *autoSeal) start(c config.Seal) {
	a.idle = startIdleSeal(func() bool { return a.vault.Opened() != nil || a.server.KeysUsed() }, a.seal)
	a.set(c)
}

func (a *autoSeal) close() {
	a.set(config.Seal{})
	a.idle.close()
}

// set has the vault sealed as c says from now on.
func (a *autoSeal) set(c config.Seal) {
	a.setting.Lock()
	defer a.setting.Unlock()
	a.idle.set(c)
	before := a.inForce
	if a.inForce = c; before.OnSuspend == c.OnSuspend && before.OnLogout == c.OnLogout && before.OnLock == c.OnLock {
		return
	}
	if a.sleeps != nil {
		a.sleeps.Close()
		a.sleeps = nil
	}
	a.listen(c)
}

// listen hears from logind what c wants of it.
func (a *autoSeal) listen(c config.Seal) {
	events := logind.Events{UID: uint32(max(0, os.Geteuid())), Health: a.heard} //nolint:gosec // a uid
	var wanted []string
	if c.OnSuspend {
		wanted = append(wanted, "on_suspend")
		events.Sleep = func() { a.seal(vault.SealedBySuspend, "the machine goes to sleep") }
	}
	if c.OnLogout {
		wanted = append(wanted, "on_logout")
		events.Logout = func() { a.seal(vault.SealedByLogout, "the last session of the user ended") }
	}
	if c.OnLock {
		wanted = append(wanted, "on_lock")
		events.Lock = func() { a.seal(vault.SealedByLock, "a session of the user was locked") }
	}
	a.telling.Lock()
	a.wanted, a.deaf = wanted, nil
	a.telling.Unlock()
	a.tell()
	if len(wanted) > 0 {
		a.sleeps = logind.Watch(events)
	}
}

// heard notes whether logind can be heard.
func (a *autoSeal) heard(problem error) {
	a.telling.Lock()
	a.deaf = problem
	a.telling.Unlock()
	if problem != nil {
		a.log.Warn("logind is not heard: the vault is not sealed by what it would tell", "err", problem)
	} else {
		a.log.Info("logind is heard")
	}
	a.tell()
}

// tell has the status say which settings do nothing.
func (a *autoSeal) tell() {
	a.telling.Lock()
	defer a.telling.Unlock()
	var problems []string
	if a.deaf != nil {
		problems = append(problems, fmt.Sprintf("[seal] %s: %v", strings.Join(a.wanted, ", "), a.deaf))
	}
	for _, w := range a.wanted {
		if a.machine && w != "on_suspend" {
			problems = append(problems, fmt.Sprintf("[seal] %s: is for a user's own vault; this is the machine's, and nobody logs in to it", w))
		}
	}
	a.server.TellSealers(problems)
}

// seal seals the vault. Unlike a request it is done although it can't be recorded.
func (a *autoSeal) seal(reason vault.SealReason, detail string) {
	open, before := a.vault.Opened() == nil, a.vault.Sealing()
	if open {
		a.tellOf(reason, detail)
	}
	if err := a.server.SealBecause(reason, detail); err != nil {
		a.log.Error("the vault was not sealed in order", "err", err)
	}
	// It was being unsealed at this moment, or it was sealed by the start alone and stays so now.
	if !open && a.vault.Sealing() != before && a.vault.Initialized() {
		a.tellOf(reason, detail)
	}
}

func (a *autoSeal) tellOf(reason vault.SealReason, detail string) {
	a.own.urgent(string(policy.Seal), audit.Field{Name: "reason", Value: string(reason)}, audit.Field{Name: "detail", Value: detail})
	a.log.Warn("the vault is sealed; 'vaultctl unseal' opens it again", "reason", string(reason), "detail", detail)
}
