package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/vaultd/vaultd/internal/watch"
	"github.com/vaultd/vaultd/ipc"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/policy"
	"github.com/vaultd/vaultd/vault/policyfile"
)

const (
	policyDebounce = 150 * time.Millisecond
	// A file that is written just now is read again this often, this much later.
	changingTries = 5
	changingPause = 40 * time.Millisecond
)

// policyFiles keep the grants of the policy directory in force. What can't be
// used changes nothing: the last good policy stays, and Status says why.
type policyFiles struct {
	dir    string // empty for none
	server *ipc.Server
	log    *slog.Logger
	own    *ownRecords

	mu      sync.Mutex // held over a load; guards what follows
	found   bool       // the directory was there once
	problem string     // as recorded last, empty for none
	watcher *watch.Watcher
}

// startPolicyFiles loads the directory and watches it until close. A policy
// that is broken when the daemon starts is an error: there is no good one to
// keep, and one without its denials would allow too much.
func startPolicyFiles(dir string, server *ipc.Server, own *ownRecords, log *slog.Logger) (*policyFiles, error) {
	p := &policyFiles{dir: dir, server: server, own: own, log: log}
	if dir == "" {
		return p, server.InstallFiles(nil)
	}
	// First the watch, so that no change falls between. Its calls wait for p.mu.
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watcher = watch.New([]string{dir}, policyDebounce, p.reload)
	grants, err := p.read()
	if errors.Is(err, fs.ErrNotExist) && !p.found {
		grants, err = nil, nil
	}
	if err == nil {
		err = server.InstallFiles(grants)
	}
	if err != nil {
		go p.watcher.Close() // it may wait for p.mu
		return nil, usage("the policy files in %s can't be used: %v", dir, err)
	}
	if p.found {
		p.recordInForce(len(grants))
	}
	if s := p.watcher.State(); s.Polling {
		log.Warn("the policy directory is looked at every now and then: it can't be watched", "dir", dir, "err", s.Err)
	}
	return p, nil
}

// reload reads the directory again.
func (p *policyFiles) reload() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dir == "" {
		return
	}
	before, _ := p.server.PolicyInForce()
	grants, err := p.read()
	switch {
	case errors.Is(err, fs.ErrNotExist) && !p.found:
		return // it was not there when the daemon started either
	case err != nil:
		p.server.FilesBroken(err)
	default:
		err = p.server.InstallFiles(grants) // tells the log what is wrong
	}
	if err != nil {
		if p.problem != err.Error() {
			p.own.add(actionPolicyReload, err)
		}
		p.problem = err.Error()
		return
	}
	if now, _ := p.server.PolicyInForce(); now != before || p.problem != "" {
		p.recordInForce(len(grants))
	}
	p.problem = ""
}

// recordInForce records which policy decides from now on.
func (p *policyFiles) recordInForce(grants int) {
	generation, hash := p.server.PolicyInForce()
	p.own.add(actionPolicyReload, nil,
		audit.Field{Name: "generation", Value: strconv.FormatUint(generation, 10)},
		audit.Field{Name: "hash", Value: hash},
		audit.Field{Name: "file_grants", Value: strconv.Itoa(grants)})
}

// read reads the directory, a few times over while a file in it is written.
func (p *policyFiles) read() ([]policy.Grant, error) {
	for try := 1; ; try++ {
		grants, errs := policyfile.LoadDir(p.dir)
		err := errors.Join(errs...)
		if err == nil {
			p.found = true
		}
		if !errors.Is(err, policyfile.ErrChanging) || try == changingTries {
			return grants, err
		}
		time.Sleep(changingPause)
	}
}

func (p *policyFiles) close() {
	if p.watcher != nil {
		p.watcher.Close()
	}
}

// checkPolicyFiles says what is wrong with the directory, nil for one that is
// not there.
func checkPolicyFiles(dir string) error {
	if dir == "" {
		return nil
	}
	_, errs := policyfile.Load(dir, policy.Machine{GroupID: nobodysGroup})
	if err := errors.Join(errs...); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("policy: %w", usage("%v", err))
	}
	return nil
}

// nobodysGroup is for checks that do not ask who is in a group.
func nobodysGroup(string) (uint32, bool, error) { return 0, false, nil }
