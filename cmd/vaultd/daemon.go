package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/internal/harden"
	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/ipc"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
)

// stopTime is how long running requests may take to end after a signal to stop.
const stopTime = 10 * time.Second

// runDaemon serves until a signal stops it or serving becomes impossible. It
// begins with c, which s has read, and follows what changes in it.
func runDaemon(ctx context.Context, s *settings, c config.Config, measures []harden.Measure) error {
	handed := handedOver()
	log, level := newLiveLog(c.Log)
	harden.Log(log, measures)
	tuneMemory()
	manager := manager{log}

	lock, err := openDirectories(c.Store)
	if err != nil {
		return err
	}
	defer lock.Close()
	rules, err := policyOf(c.Access)
	if err != nil {
		return err
	}
	trail, err := openAudit(c.Audit, log)
	if err != nil {
		return err
	}
	var v *vault.Vault
	o := vault.Options{
		Dir: c.Store.Dir, AnchorPath: c.Store.Anchor, Log: log,
		MinFree: int64(c.Store.MinFree), Ballast: int64(c.Store.Ballast),
		Guesses: guessesFile(c.Store), KeysPerOwner: c.Limits.KeysPerOwner,
		ExpiryWarning: time.Duration(c.Events.ExpiringBefore),
		Changed:       func(sealed bool) { manager.status(statusText(true, sealed, v.Sealing())) },
	}
	var records *audit.Log
	if trail != nil {
		o.AuditLog, records = trail, trail.Log
		defer func() {
			if err := records.Close(); err != nil {
				log.Error("the audit log was not closed in order", "err", err)
			}
		}()
	}
	own := newOwnRecords(records, log)
	o.Upgraded = func(features, copy string) {
		own.add(actionUpgrade, nil, audit.Field{Name: "features", Value: features}, audit.Field{Name: "copy", Value: copy})
	}
	if v, err = vault.New(o); err != nil {
		return err
	}
	l, err := listen(c.Socket, handed, log)
	if err != nil {
		return err
	}
	server := ipc.NewServer(ipc.Config{
		Vault: v, Policy: rules, Limits: limitsOf(c.Limits), Log: log, Version: versionString(),
		AuditLog: records, Machine: machineID(machineFile, log), Metrics: c.Metrics.Socket != "", TPM: c.Unseal.TPM,
	})
	boot := &unsealer{vault: v, server: server, own: own, log: log}
	files, err := startPolicyFiles(c.Access.PolicyDir, server, own, log)
	if err != nil {
		_ = l.Close()
		return err
	}
	defer files.close()
	sealer := &autoSeal{server: server, vault: v, own: own, log: log, machine: s.machine()}
	sealer.start(c.Seal)
	defer sealer.close()
	live := &liveConfig{
		settings: s, server: server, vault: v, policy: rules, level: level, unseal: boot, own: own, sealer: sealer, log: log, inForce: c,
	}
	if err := live.watch(); err != nil {
		_ = l.Close()
		return err
	}
	defer live.close()
	numbers, stopMetrics, err := serveMetrics(c.Metrics, server, log)
	if err != nil {
		_ = l.Close()
		return err
	}
	defer stopMetrics()
	guard := &fileGuard{
		vault: v, server: server, records: records, listeners: []net.Listener{l, numbers}, reaction: c.Store.OnTampering,
		seal: sealer.seal, log: log,
	}
	guard.start(c.Socket.Path, c.Store.Anchor)
	defer guard.close()
	status := v.Status()
	log.Info("vaultd serves", "version", versionString(), "socket", c.Socket.Path, "store", c.Store.Dir,
		"initialized", status.Initialized, "sealed", status.Sealed, "memory", secret.Protection())
	if !secret.Locked() {
		log.Warn("secrets may be swapped to disk: locked memory was refused; raise RLIMIT_MEMLOCK")
	}
	for _, w := range status.Warnings {
		log.Warn("vault", "warning", w)
	}
	reload := func() { live.reload(); files.reload(); boot.try(ctx) }
	seal := func() { sealer.seal(vault.SealedBySignal, "SIGUSR1 was sent") }
	return serve(ctx, log, server, v, l, manager, boot, reload, seal)
}

// serve runs the server until a signal comes, then stops it in order: no new
// requests, the running ones finished or cut off, the vault sealed.
func serve(ctx context.Context, log *slog.Logger, server *ipc.Server, v *vault.Vault, l net.Listener, m manager, boot *unsealer,
	reload, seal func(),
) error {
	signals := watchSignals(log, m.reload(reload), seal)
	defer signals.close()
	// Clients wait at the socket, rather than be told that a vault is sealed which
	// opens by itself in a moment.
	select {
	case <-boot.start(ctx):
	case s := <-signals.stop:
		log.Info("stopping", "signal", s.String())
		m.stopping()
		boot.stop()
		return errors.Join(l.Close(), v.Close())
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, l) }()
	status := v.Status()
	m.ready(statusText(status.Initialized, status.Sealed, v.Sealing()))
	var watching sync.WaitGroup
	watched, unwatch := context.WithCancel(ctx)
	watching.Go(func() { m.watch(watched, server.Alive) })

	var err error
	ended := false
	select {
	case s := <-signals.stop:
		log.Info("stopping", "signal", s.String())
	case err = <-served:
		ended = true
		log.Error("serving ended", "err", err)
	}
	m.stopping()
	unwatch()
	watching.Wait()

	limit, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	if e := server.Shutdown(limit); e != nil {
		log.Warn("requests were cut off", "err", e)
	}
	if !ended {
		err = <-served
	}
	boot.stop()
	if e := v.Close(); e != nil {
		err = errors.Join(err, fmt.Errorf("seal the vault: %w", e))
	}
	log.Info("stopped")
	return err
}

// limitsOf says in the server's terms what the configuration says in its own.
func limitsOf(l config.Limits) ipc.Limits {
	return ipc.Limits{
		MessageSize:         int(l.MessageSize),
		Connections:         l.Connections,
		ConnectionsPerUser:  l.ConnectionsPerUser,
		ReservedConnections: l.ReservedConnections,
		InFlight:            l.InFlight,
		Memory:              int(l.Memory),
		MemoryPerUser:       int(l.MemoryPerUser),
		Expensive:           l.Expensive,
		ExpensivePerUser:    l.ExpensivePerUser,
		RequestsPerSecond:   l.RequestsPerSecond,
		RequestBurst:        l.RequestBurst,
		ChangesPerSecond:    l.ChangesPerSecond,
		ChangeBurst:         l.ChangeBurst,
		RequestTimeout:      time.Duration(l.RequestTimeout),
		HeaderTimeout:       time.Duration(l.HeaderTimeout),
		WriteTimeout:        time.Duration(l.WriteTimeout),
		IdleTimeout:         time.Duration(l.IdleTimeout),
	}
}
