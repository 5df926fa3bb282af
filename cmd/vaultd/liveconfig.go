package main

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/internal/watch"
	"github.com/vaultd/vaultd/ipc"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/policy"
)

const configDebounce = 150 * time.Millisecond

// liveConfig follows the configuration file while the daemon runs. What can't be
// used changes nothing, what can be taken over is, and what needs a restart is
// named until there was one.
type liveConfig struct {
	settings *settings
	server   *ipc.Server
	vault    *vault.Vault
	policy   *policy.Policy
	level    *slog.LevelVar
	unseal   *unsealer
	own      *ownRecords
	sealer   *autoSeal
	log      *slog.Logger

	file string // empty for none

	mu      sync.Mutex    // held over a load; guards what follows
	inForce config.Config // settings that need a restart are those of the start
	found   bool          // the file was there once
	problem string        // why the newest file is not in force, empty when it is
	restart []string      // settings that wait for a restart
	watcher *watch.Watcher
}

// watch begins to follow the file. What has changed since the daemon's
// configuration was read is taken over first.
func (l *liveConfig) watch() error {
	var err error
	if _, l.file, err = l.settings.base(); err != nil {
		return err
	}
	if l.file != "" {
		l.watcher = watch.New([]string{l.file}, configDebounce, l.reload)
		if s := l.watcher.State(); s.Polling {
			l.log.Warn("the configuration file is looked at every now and then: it can't be watched", "file", l.file, "err", s.Err)
		}
	}
	l.reload()
	return nil
}

func (l *liveConfig) close() {
	if l.watcher != nil {
		l.watcher.Close()
	}
}

// reload reads the file again, with the same flags over it.
func (l *liveConfig) reload() {
	l.mu.Lock()
	defer l.mu.Unlock()
	next, err := l.read()
	if err == nil {
		err = l.apply(next)
	}
	if err != nil && l.problem != err.Error() {
		l.log.Error("configuration not taken: the last good one stays in force", "err", err)
		l.own.add(actionConfigReload, err)
	}
	l.problem = ""
	if err != nil {
		l.problem = err.Error()
	}
	l.server.TellConfig(ipc.ConfigState{Problem: l.problem, Restart: l.restart})
}

// read is the newest configuration. A file that has vanished, or has nothing in
// it, is likely being written: defaults are not what anybody wants then.
func (l *liveConfig) read() (config.Config, error) {
	next, found, err := l.settings.read()
	switch {
	case err != nil:
		return config.Config{}, err
	case found == noFile && l.found:
		return config.Config{}, fmt.Errorf("%s is gone", l.file)
	case found == emptyFile && l.found:
		return config.Config{}, fmt.Errorf("%s: %w", l.file, config.ErrEmpty)
	}
	l.found = l.found || found == wholeFile
	return next, nil
}

// apply takes over what can be, and notes what can't.
func (l *liveConfig) apply(next config.Config) error {
	admins, err := adminGroups(next.Access)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	l.policy.SetAdminGroups(admins)
	l.server.SetLimits(limitsOf(next.Limits))
	l.vault.SetKeysPerOwner(next.Limits.KeysPerOwner)
	l.level.Set(next.Log.Level)
	l.unseal.configure(next.Unseal)
	l.sealer.set(next.Seal)

	changed, restart := next.Differences(l.inForce)
	told := strings.Join(restart, ", ")
	if len(changed) > 0 || told != strings.Join(l.restart, ", ") || l.problem != "" {
		l.log.Info("configuration in force", "changed", changed, "restart_needed", restart)
		l.own.add(actionConfigReload, nil,
			audit.Field{Name: "applied", Value: strings.Join(changed, ", ")},
			audit.Field{Name: "restart", Value: told})
	}
	l.inForce, l.restart = l.inForce.WithLive(next), restart
	return nil
}
