package ipc

import (
	"errors"

	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy/binding"
)

// adopt makes the account of now the principal of its uid. It returns that
// binding, and those of others that lose the name to it.
func (p *principals) adopt(uid uint32) ([]binding.Binding, error) {
	name, err := p.names.Look(uid)
	if err != nil {
		return nil, fault.E(fault.CodeBusy, "the account database does not answer").WithHint("try again in a moment").Because(err)
	}
	p.change.Lock()
	defer p.change.Unlock()
	if _, bound := p.bindings[uid]; !bound {
		return nil, p.unbound(uid)
	}
	account := binding.Account{UID: uid, User: name, Found: name != ""}
	all, err := binding.AdoptAs(p.stored(uid, name), p.machine, account, p.now().UTC())
	switch {
	case errors.Is(err, binding.ErrNoAccount):
		return nil, fault.E(fault.CodeBadArgument, "uid %d has no account now, so that nobody can be adopted", uid).
			WithHint("make the account first, or run 'vaultctl principal retire %d'", uid)
	case errors.Is(err, binding.ErrState):
		return nil, fault.E(fault.CodeBadArgument, "the principal of uid %d is neither in quarantine nor retired", uid).
			WithHint("there is nothing to adopt")
	case err != nil:
		return nil, err
	}
	return all, p.decide(all...)
}

// retire ends the principal of a uid.
func (p *principals) retire(uid uint32, why string) (binding.Binding, error) {
	p.change.Lock()
	defer p.change.Unlock()
	b, bound := p.bindings[uid]
	if !bound {
		return b, p.unbound(uid)
	}
	b, err := binding.RetireAs(b, why, p.now().UTC())
	if err != nil {
		return b, err
	}
	return b, p.decide(b)
}

// decide stores what an administrator decided and has it in force, on open
// connections as well. The caller holds change.
func (p *principals) decide(all ...binding.Binding) error {
	if err := p.save(all...); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range all {
		p.put(b)
		delete(p.standings, b.UID)
		delete(p.unsaved, b.UID)
	}
	p.epoch.Add(1)
	return nil
}

func (p *principals) unbound(uid uint32) error {
	e := fault.E(fault.CodePrincipalNotFound, "there is no principal of uid %d", uid)
	if p.policy.IsSupreme(uid) {
		return e.WithHint("root and the daemon's own user are never bound")
	}
	return e.WithHint("it is bound when it first connects; 'vaultctl principal list' shows who is")
}
