package ipc

import (
	"time"

	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
	"github.com/vaultd/vaultd/vault/policy/binding"
)

// identity is who a connection is. It never changes, and is replaced when the
// account behind its uid turns out to be another one, or the same after all.
type identity struct {
	who      *policy.Principal
	caller   *policy.Caller
	rank     rank
	standing standing

	epoch uint64    // in which it was found; it holds as long as that lasts
	until time.Time // it is not settled, and holds until then at most; zero when it is
}

// identify is who the connection is now: one atomic comparison, unless
// something has changed. Requests of one connection may ask at the same time.
func (c *conn) identify() *identity {
	id := c.id.Load()
	if id.epoch == c.server.principals.epoch.Load() && (id.until.IsZero() || time.Now().Before(id.until)) {
		return id
	}
	return c.identifyBy(c.server.principals.current)
}

// identifyBy makes a new identity of what find says. The epoch is read first:
// what changes meanwhile is noticed at the next request.
func (c *conn) identifyBy(find func(uid uint32) (standing, bool)) *identity {
	epoch := c.server.principals.epoch.Load()
	standing, settled := find(c.uid)
	who := *c.kernel
	who.User, who.Changed = standing.user, standing.refused()
	id := &identity{who: &who, caller: c.server.policy.Caller(&who), rank: c.server.rankOf(&who), standing: standing, epoch: epoch}
	switch {
	case settled:
	case standing.unstored:
		id.until = time.Now() // the next request tries again
	default:
		id.until = time.Now().Add(silencePause)
	}
	c.id.Store(id)
	return id
}

// is has the call made by that identity.
func (c *call) is(id *identity) {
	c.who, c.caller, c.standing = id.who, id.caller, &id.standing
}

// worksSealed lists what can be done while the vault is sealed, beside what is
// public. Nothing else is done for somebody who came while it was, and was not
// judged: it may be unsealed before the request gets there.
var worksSealed = map[policy.Action]bool{
	policy.Init: true, policy.Unseal: true, policy.Seal: true, policy.ListSlots: true,
	policy.EnterShare: true, policy.ResetShares: true,
	policy.ReadAudit: true, policy.CheckpointAudit: true, policy.ProveAudit: true,
}

// judgeFirst refuses what a caller that was not judged may not have.
func (s *Server) judgeFirst(c *call, m *method) error {
	if c.standing == nil || !c.standing.sealed || worksSealed[m.action] {
		return nil
	}
	if rule, _ := policy.ForMethod(m.name); rule.Scope == policy.ScopePublic {
		return nil
	}
	if err := s.service.openVault(); err != nil {
		return err
	}
	return busy("the vault was unsealed at this moment")
}

// changedFault is the refusal of a caller whose account is not the one it was.
func changedFault(who *policy.Principal, s *standing) *fault.Error {
	switch {
	case s != nil && s.unstored:
		return fault.E(fault.CodePrincipalChanged, "uid %d is new to the vault, and that could not be stored", who.UID).
			WithHint("try again; the daemon's log says why")
	case s != nil && s.verdict == binding.Over:
		return fault.E(fault.CodePrincipalChanged, "the principal of uid %d is retired", who.UID).
			WithHint("an administrator can bring it back with 'vaultctl principal adopt %d'", who.UID)
	case s != nil && s.why != "":
		return fault.E(fault.CodePrincipalChanged, "the account of uid %d can't be taken for the one it was: %s", who.UID, s.why).
			WithHint("an administrator decides: 'vaultctl principal adopt %d' or 'vaultctl principal retire %d'", who.UID, who.UID)
	}
	return fault.E(fault.CodePrincipalChanged, "the account of uid %d is not the one it was", who.UID).
		WithHint("an administrator decides: 'vaultctl principal adopt %d' or 'vaultctl principal retire %d'", who.UID, who.UID)
}
