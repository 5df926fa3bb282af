package ipc

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vaultd/vaultd/ipc/peer"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
	"github.com/vaultd/vaultd/vault/policy/binding"
)

const (
	// An account that is gone is looked up again after this: a file that is
	// written in place is empty for a moment.
	gonePause = 100 * time.Millisecond
	// The account database is asked about a uid again after this, when it did
	// not answer.
	silencePause = 2 * time.Second
	// More uids without an account than this are not remembered.
	maxNameless = 4096
	// A name that became old while it was judged is looked up anew so often.
	judgeTries = 8
)

// principals judge whether the account behind a uid is the one that it was.
// Root and the daemon's own user are not judged: nothing could hold them back.
//
// Bindings are in the vault, so that nobody is judged while it is sealed; and
// nothing can be had then.
type principals struct {
	vault   *vault.Vault
	policy  *policy.Policy
	names   *peer.Resolver
	machine string        // id, empty where there is none
	file    string        // of accounts, watched
	every   time.Duration // all accounts are looked at
	log     *slog.Logger
	trail   *trail // nil without an audit log
	now     func() time.Time

	// epoch rises whenever somebody may no longer be who it was: what was
	// found out in an epoch holds as long as that lasts.
	epoch atomic.Uint64
	kick  chan struct{} // wakes who looks at all accounts

	// change is held from when bindings are read until what follows from them
	// is stored and in force. It is taken before mu.
	change sync.Mutex

	mu        sync.RWMutex // guards what follows; it is written under change only
	open      bool         // the vault is, or is about to be
	bindings  map[uint32]binding.Binding
	holders   map[string][]uint32 // uids that have or had a name
	unsaved   map[uint32]bool     // principals that could not be stored
	standings map[uint32]standing // of who came since the vault was unsealed
}

func newPrincipals(c Config, t *trail) *principals {
	p := &principals{
		vault: c.Vault, policy: c.Policy, names: c.Accounts, machine: c.Machine, log: c.Log, trail: t, now: time.Now,
		file: cmp.Or(c.AccountFile, accountFile), every: cmp.Or(c.AccountsEvery, accountsEvery),
		kick: make(chan struct{}, 1),
	}
	if p.names == nil {
		p.names = new(peer.Resolver)
	}
	p.epoch.Store(1)
	p.reset(false)
	return p
}

// reset forgets everything. The caller holds mu.
func (p *principals) reset(open bool) {
	p.open = open
	p.bindings, p.holders = make(map[uint32]binding.Binding), make(map[string][]uint32)
	p.unsaved, p.standings = make(map[uint32]bool), make(map[uint32]standing)
}

// fromVault takes the bindings that the vault keeps, before it is unsealed, and
// drops them, told nil, after it was sealed.
func (p *principals) fromVault(k *vault.PolicyRecords) error {
	var all []binding.Binding
	if k != nil {
		for _, r := range k.Principals {
			var b binding.Binding
			err := json.Unmarshal(r.Body, &b)
			_, stored := binding.Next(b.State, binding.Retire) // every state that is stored can be retired
			if err != nil || r.ID != uidText(b.UID) || !stored {
				return fault.E(fault.CodeStoreCorrupt, "principal %s in the vault can't be read", r.ID)
			}
			all = append(all, b)
		}
	}
	p.change.Lock()
	defer p.change.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reset(k != nil)
	for _, b := range all {
		p.put(b)
	}
	p.names.Forget() // the first verdict of an unsealing goes by the account of now
	p.epoch.Add(1)
	p.lookSoon()
	return nil
}

// put has a binding in force. The caller holds mu.
func (p *principals) put(b binding.Binding) {
	p.bindings[b.UID] = b
	for _, name := range append(slices.Clone(b.Former), b.User) {
		if !slices.Contains(p.holders[name], b.UID) {
			p.holders[name] = append(p.holders[name], b.UID)
		}
	}
}

// stored is what is kept about a uid and the name of its account. The caller
// holds change.
func (p *principals) stored(uid uint32, name string) binding.Stored {
	var s binding.Stored
	if b, ok := p.bindings[uid]; ok {
		s.UID = &b
	}
	if name != "" {
		for _, holder := range p.holders[name] {
			s.User = append(s.User, p.bindings[holder])
		}
	}
	return s
}

// arrived judges who connects. What is not settled is to be asked again.
func (p *principals) arrived(uid uint32) (s standing, settled bool) {
	return p.observe(uid, p.names.Name)
}

// current is the standing of who is connected. The account is not looked up
// again if it was in this unsealing: whoever looks at all accounts does that.
func (p *principals) current(uid uint32) (s standing, settled bool) {
	p.mu.RLock()
	s, found := p.standings[uid]
	p.mu.RUnlock()
	if found {
		return s, true
	}
	return p.arrived(uid)
}

// observe finds the account of uid by ask, and judges it.
func (p *principals) observe(uid uint32, ask func(uint32) (string, error)) (s standing, settled bool) {
	for range judgeTries {
		asOf := p.epoch.Load()
		name, err := ask(uid)
		if err == nil && name == "" && p.active(uid) {
			time.Sleep(gonePause)
			name, err = p.names.Look(uid)
		}
		if err != nil {
			p.log.Debug("the account database does not answer", "uid", uid, "err", err)
		}
		if p.policy.IsSupreme(uid) {
			return standing{user: name}, true
		}
		if err != nil {
			return p.unanswered(uid), false
		}
		if s, known := p.known(uid, name); known {
			return s, !s.sealed
		}
		if s, settled, ok := p.judge(uid, name, asOf); ok {
			return s, settled
		}
	}
	return p.unanswered(uid), false
}

// active reports whether uid is bound and was never seen to be anything else.
func (p *principals) active(uid uint32) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.bindings[uid].State == binding.Active
}

// known is the standing that needs no more judging.
func (p *principals) known(uid uint32, name string) (standing, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if !p.open {
		return unjudged(name), true
	}
	s, found := p.standings[uid]
	return s, found && s.user == name
}

// unanswered is the standing while nobody can tell the account of uid. It has
// no name then; what was found before stays found.
func (p *principals) unanswered(uid uint32) standing {
	p.mu.RLock()
	defer p.mu.RUnlock()
	b, bound := p.bindings[uid]
	switch {
	case !p.open:
		return unjudged("")
	case bound && b.State == binding.Changed:
		return standing{verdict: binding.Quarantined, why: b.Why}
	case bound && b.State == binding.Retired:
		return standing{verdict: binding.Over, why: whyOver}
	}
	return standing{why: "the account database does not answer"}
}

const whyOver = "an administrator has retired it"

// judge finds the verdict on uid, whose account has that name, and stores what
// follows from it. It reports false when anything has changed since asOf: the
// name may be from before that.
func (p *principals) judge(uid uint32, name string, asOf uint64) (s standing, settled, ok bool) {
	p.change.Lock()
	s, changed, settled, ok := p.judged(uid, name, asOf)
	p.change.Unlock()
	if changed != nil {
		p.report(*changed)
	}
	return s, settled, ok
}

// judged is judge under change. It returns the binding that has become one in
// quarantine, nil for none.
func (p *principals) judged(uid uint32, name string, asOf uint64) (s standing, changed *binding.Binding, settled, ok bool) {
	switch {
	case p.epoch.Load() != asOf:
		return s, nil, false, false
	case !p.open:
		return unjudged(name), nil, false, true
	}
	account := binding.Account{UID: uid, User: name, Found: name != ""}
	v, b, save := binding.Observe(p.stored(uid, name), p.machine, account, p.now().UTC())
	if save && v == binding.Quarantined {
		changed = &b
	}
	s = standing{verdict: v, user: name}
	switch v {
	case binding.Quarantined:
		s.why = b.Why
	case binding.Over:
		s.why = whyOver
	case binding.Nameless:
		s.why = "its uid has no account"
	}
	settled = true
	var err error
	if save || v == binding.Quarantined && p.unsaved[uid] {
		err = p.save(b)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	before, had := p.standings[uid]
	switch {
	case errors.Is(err, fault.ErrSealed):
		s = unjudged(name) // fromVault is about to say so, or the vault is just being opened
		s.unstored = true
		return s, nil, false, true
	case err != nil && !p.unsaved[uid]: // once is enough for the log
		p.log.Error("a principal could not be stored, and gets nothing", "uid", uid, "user", name, "verdict", string(v), "err", err)
		p.unsaved[uid] = true
	case err == nil:
		delete(p.unsaved, uid)
	}
	if err != nil && v != binding.Quarantined {
		s = standing{verdict: binding.Quarantined, user: name, why: "it is new, and that could not be stored", unstored: true}
		save, settled = false, false
		delete(p.standings, uid)
	} else {
		if save {
			p.put(b)
		}
		if v == binding.Fresh {
			p.log.Info("a new principal is bound", "uid", uid, "user", name, "generation", b.Generation)
		}
		p.remember(uid, s)
	}
	if save || had && !before.same(s) {
		p.epoch.Add(1)
	}
	return s, changed, settled, true
}

// remember notes a standing. The caller holds mu.
func (p *principals) remember(uid uint32, s standing) {
	if s.verdict == binding.Nameless && len(p.standings) >= len(p.bindings)+maxNameless {
		maps.DeleteFunc(p.standings, func(_ uint32, s standing) bool { return s.verdict == binding.Nameless })
	}
	p.standings[uid] = s
}

// save makes bindings durable, all or none. The caller holds change.
func (p *principals) save(all ...binding.Binding) error {
	records := make([]vault.Kept, len(all))
	for i, b := range all {
		body, err := json.Marshal(b)
		if err != nil {
			return fmt.Errorf("encode a principal: %w", err)
		}
		records[i] = vault.Kept{ID: uidText(b.UID), Body: body}
	}
	return p.vault.SavePrincipals(context.Background(), records)
}

// report tells log and audit log of a principal that was found to be another.
func (p *principals) report(b binding.Binding) {
	p.log.Warn("an account changed, and its principal gets nothing until an administrator adopts or retires it",
		"uid", b.UID, "user", b.User, "why", b.Why)
	p.trail.principalChanged(b)
}

// still reports whether who is the principal that its uid stands for now.
func (p *principals) still(who *policy.Principal) bool {
	if p.policy.IsSupreme(who.UID) {
		return true
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	b, bound := p.bindings[who.UID]
	return !bound || b.State == binding.Active && b.User == who.User
}

// refuses reports whether uid is known to get nothing, without looking anything up.
func (p *principals) refuses(uid uint32) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	state := p.bindings[uid].State
	return state == binding.Changed || state == binding.Retired
}

// list are the bindings by their uids.
func (p *principals) list() []binding.Binding {
	p.mu.RLock()
	defer p.mu.RUnlock()
	list := make([]binding.Binding, 0, len(p.bindings))
	for _, uid := range slices.Sorted(maps.Keys(p.bindings)) {
		list = append(list, p.bindings[uid])
	}
	return list
}

// changed counts those in quarantine.
func (p *principals) changed() (n uint64) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, b := range p.bindings {
		if b.State == binding.Changed {
			n++
		}
	}
	return n
}

func uidText(uid uint32) string { return strconv.FormatUint(uint64(uid), 10) }
