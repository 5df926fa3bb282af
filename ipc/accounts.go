package ipc

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/vaultd/vaultd/internal/watch"
	"github.com/vaultd/vaultd/vault/policy/binding"
)

const (
	accountFile     = "/etc/passwd"
	accountDebounce = 150 * time.Millisecond
	// Directories such as LDAP tell nothing of a change: all accounts are looked
	// up so often.
	accountsEvery = time.Minute
	// A directory that is silent so often in a row is left alone until the next time.
	silences = 8
	// From its bindings to its opening a vault takes less than this, mostly.
	openingPause = 10 * time.Millisecond
)

// watchAccounts looks at the accounts of all principals whenever the file of
// local accounts changes, when the vault was unsealed, and every now and then,
// until ctx ends.
func (p *principals) watchAccounts(ctx context.Context) {
	w := watch.New([]string{p.file}, accountDebounce, func() {
		p.names.Forget()
		p.lookSoon()
	})
	defer w.Close()
	if s := w.State(); s.Polling {
		p.log.Warn("the file of accounts is looked at every now and then: it can't be watched", "file", p.file, "err", s.Err)
	}
	timer := time.NewTicker(p.every)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.kick:
		case <-timer.C:
		}
		p.lookAtAll(ctx)
	}
}

func (p *principals) lookSoon() {
	select {
	case p.kick <- struct{}{}:
	default: // it will look anyway
	}
}

// lookAtAll looks up the account of every principal that can still change, and
// of everybody who came since the vault was unsealed. An account that is gone
// is looked up once more before it counts, see gonePause.
func (p *principals) lookAtAll(ctx context.Context) {
	for p.opening() && ctx.Err() == nil {
		wait(ctx, openingPause)
	}
	var gone []uint32
	silent := 0
	for _, uid := range p.lookedAt() {
		if ctx.Err() != nil {
			return
		}
		asOf := p.epoch.Load()
		name, err := p.names.Look(uid)
		if err != nil {
			if silent++; silent == silences {
				p.log.Warn("the account database does not answer; accounts are looked at again later", "err", err)
				return
			}
			continue
		}
		silent = 0
		if name == "" && p.active(uid) {
			gone = append(gone, uid)
			continue
		}
		if _, _, ok := p.judge(uid, name, asOf); !ok {
			p.observe(uid, p.names.Look)
		}
	}
	if len(gone) == 0 {
		return
	}
	wait(ctx, gonePause)
	for _, uid := range gone {
		if ctx.Err() != nil {
			return
		}
		asOf := p.epoch.Load()
		name, err := p.names.Look(uid)
		if err == nil {
			_, _, ok := p.judge(uid, name, asOf)
			if !ok {
				p.observe(uid, p.names.Look)
			}
		}
	}
}

// opening reports whether the vault has told its bindings and is not open yet,
// so that nothing can be stored.
func (p *principals) opening() bool {
	p.mu.RLock()
	told := p.open
	p.mu.RUnlock()
	return told && p.vault.Opened() != nil
}

// lookedAt are the uids to look at. A retired principal is left alone until
// somebody comes with its uid: nobody is bound who never came.
func (p *principals) lookedAt() []uint32 {
	p.mu.RLock()
	defer p.mu.RUnlock()
	all := make(map[uint32]struct{}, len(p.bindings))
	for uid, b := range p.bindings {
		if b.State != binding.Retired && !p.policy.IsSupreme(uid) {
			all[uid] = struct{}{}
		}
	}
	for uid := range p.standings {
		all[uid] = struct{}{}
	}
	return slices.Sorted(maps.Keys(all))
}
