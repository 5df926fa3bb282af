package main

import (
	"context"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/internal/watch"
	"github.com/vaultd/vaultd/ipc"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
)

const (
	// lookEvery is how often the daemon looks at its files. The store's change
	// thousands of times a second, so that watching them would tell nothing.
	lookEvery = time.Second
	// lookDebounce puts off the look after an event at the socket or the anchor.
	lookDebounce = 100 * time.Millisecond
	// lookTime bounds a look at the store, and again the records of what was found.
	lookTime = 2 * time.Second
)

// codeTampered is of records about files that somebody else touched.
const codeTampered = "files_tampered"

// fileGuard looks at the daemon's own files and socket, tells of what somebody
// else did to them, and seals the vault if it is configured to.
type fileGuard struct {
	vault     *vault.Vault
	server    *ipc.Server
	records   *audit.Log // nil without one
	listeners []net.Listener
	reaction  config.Reaction
	seal      func(vault.SealReason, string)
	log       *slog.Logger

	told    int // problems of the audit log that were told of
	soon    chan struct{}
	watcher *watch.Watcher
	stop    context.CancelFunc
	ended   chan struct{}
}

// start begins to look, until close. At the paths, of which some may be empty,
// events are answered at once.
func (g *fileGuard) start(paths ...string) {
	paths = slices.DeleteFunc(paths, func(p string) bool { return p == "" })
	if g.records != nil {
		g.told = len(g.records.Status().Problems) // openAudit told of these
	}
	g.soon, g.ended = make(chan struct{}, 1), make(chan struct{})
	g.watcher = watch.New(paths, lookDebounce, func() {
		select {
		case g.soon <- struct{}{}:
		default:
		}
	})
	var ctx context.Context
	ctx, g.stop = context.WithCancel(context.Background())
	go g.run(ctx)
}

func (g *fileGuard) close() {
	g.watcher.Close()
	g.stop()
	<-g.ended
}

func (g *fileGuard) run(ctx context.Context) {
	defer close(g.ended)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		g.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-g.soon:
		}
	}
}

// look tells of everything that is news, then reacts to it.
func (g *fileGuard) look(ctx context.Context) {
	limit, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	found, err := g.vault.Inspect(limit)
	if err != nil {
		// A store that does not answer is in the status by itself.
		g.log.Debug("the store's files were not looked at", "err", err)
	}
	for _, l := range g.listeners {
		found = append(found, ipc.InspectSocket(l)...)
	}
	// A vault that is to be sealed does not wait long for an audit log that hangs.
	limit, cancel = context.WithTimeout(context.WithoutCancel(ctx), lookTime)
	defer cancel()
	news := false
	for _, f := range found {
		if g.tell(f) {
			news = true
			g.record(limit, f)
		}
	}
	g.react(news)
	// After that, as a look at the audit log may hang with its disk, or mend it for long.
	news = false
	for _, f := range g.auditProblems() {
		news = g.tell(f) || news // the audit log has made a record itself
	}
	g.react(news)
}

func (g *fileGuard) react(news bool) {
	if news && g.reaction == config.ReactSeal && g.vault.Opened() == nil {
		g.seal(vault.SealedByTampering, "files of the daemon were touched from outside")
		g.log.Error("the vault is sealed, since files of the daemon were touched from outside; look who it was, then unseal: that verifies all of them")
	}
}

// auditProblems are those that the audit log found since the last look.
func (g *fileGuard) auditProblems() (found []vault.Touched) {
	if g.records == nil {
		return nil
	}
	g.records.Inspect()
	problems := g.records.Status().Problems
	for _, p := range problems[min(g.told, len(problems)):] {
		found = append(found, vault.Touched{File: "audit log", What: p.Error()})
	}
	g.told = len(problems)
	return found
}

// tell reports whether f is news.
func (g *fileGuard) tell(f vault.Touched) bool {
	if !g.server.Tampered(f) {
		return false
	}
	g.log.Error("a file of the daemon was touched from outside", "file", f.File, "what", f.What, "reaction", string(g.reaction))
	return true
}

func (g *fileGuard) record(ctx context.Context, f vault.Touched) {
	if g.records == nil {
		return
	}
	r := audit.Record{
		Principal: audit.Self(), Action: audit.ActionFilesTampered, Outcome: audit.Failed, Code: codeTampered,
		Extra: []audit.Field{{Name: "file", Value: f.File}, {Name: "what", Value: f.What}, {Name: "reaction", Value: string(g.reaction)}},
	}
	if _, err := g.records.AppendUrgent(ctx, r); err != nil {
		g.log.Error("no audit record of a file that was touched", "file", f.File, "err", err)
	}
}
