package ipc

import (
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// peerOf is a principal as the vault knows who asks.
func peerOf(who *policy.Principal) vault.Peer {
	return vault.Peer{UID: who.UID, User: who.User, Unit: who.Unit}
}

// asPeer is who calls, in room that the call has.
func (c *call) asPeer() *vault.Peer {
	c.peer = peerOf(c.who)
	return &c.peer
}

// fromPeer puts the caller's own values into the pairs of a context that ask
// for them. From then on the context is as if the caller had written it so:
// what decides and what binds see no difference.
func fromPeer(pairs []*vaultdv1.ContextPair, peer *vault.Peer) error {
	for _, p := range pairs {
		if !p.GetFromPeer() {
			continue
		}
		name := p.GetName()
		if !vault.IsPeerName(name) {
			return fault.E(fault.CodeBadContext, "context name %q has no value of the caller's own", clip(name)).
				WithHint("uid, user and unit have one")
		}
		if p.GetValue() != "" {
			return fault.E(fault.CodeBadContext, "context name %s has a value and is to get the caller's own", name)
		}
		value, known := peer.Value(name)
		if !known {
			return fault.E(fault.CodeBadContext, "the daemon does not know your %s", name).
				WithHint("'vaultctl whoami' shows what it knows of you")
		}
		p.Value, p.FromPeer = value, false
	}
	return nil
}

// bindsContext reports whether an action binds a context to what it makes or opens.
func bindsContext(a policy.Action) bool {
	switch a {
	case policy.Encrypt, policy.Decrypt, policy.Rewrap, policy.GenerateDataKey, policy.Derive:
		return true
	}
	return false
}

// complete has the caller's own values put into all contexts of a request.
func complete(req message, peer *vault.Peer) error {
	if err := fromPeer(req.(contextual).GetContext(), peer); err != nil {
		return err
	}
	if r, ok := req.(*vaultdv1.RewrapRequest); ok {
		return fromPeer(r.GetToContext(), peer)
	}
	return nil
}

// contextual is a request that has a context.
type contextual interface {
	GetContext() []*vaultdv1.ContextPair
}

// fillIn completes what a key binds to its caller, so that a decision sees the
// context as the vault will bind it. What is not known the vault refuses.
func fillIn(context []policy.Pair, names []string, peer *vault.Peer) []policy.Pair {
next:
	for _, name := range names {
		for i := range context {
			if context[i].Name == name {
				continue next
			}
		}
		if value, known := peer.Value(name); known {
			context = append(context, policy.Pair{Name: name, Value: value})
		}
	}
	return context
}
