package ipc

import (
	"strings"

	"github.com/vaultd/vaultd/crypto/envelope"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/policy"
)

// attributes gathers what a grant may ask for beyond names, into room that
// requests of a connection share. A context is as it will be bound, with what
// the key puts in by itself. It is called only when some grant in force
// asks for any. A key that is not there has no type and no labels, so that no
// grant for some type or label covers it, as none covers a key of another type:
// what a stranger is told does not depend on which of the two it is. What is
// larger than the vault takes is unknown, and not kept for who asks why it was
// denied.
func (s *service) attributes(c *call, m *method, req message, r policy.Resource) *policy.Attributes {
	at := &c.room.at
	*at = policy.Attributes{Labels: at.Labels[:0], Context: at.Context[:0]}
	if q, ok := req.(contextual); ok {
		size := 0
		for _, p := range q.GetContext() {
			if size += pairOverhead + len(p.GetName()) + len(p.GetValue()); size > envelope.MaxContext {
				return nil
			}
			at.Context = append(at.Context, policy.Pair{Name: p.GetName(), Value: p.GetValue()})
		}
	}
	if r.Key == "" {
		return at
	}
	// A key that is about to be made is what the request says.
	if q, ok := req.(interface {
		GetName() string
		GetType() string
		GetLabels() map[string]string
	}); ok && !usesBeside(req, r) {
		at.Type = q.GetType()
		if len(at.Type) > maxTypeLen || len(q.GetLabels()) > vault.MaxLabels {
			return nil
		}
		if at.Type == "" {
			switch req.(type) {
			case *vaultdv1.ImportKeyRequest, *vaultdv1.UnwrapKeyRequest:
				return nil // the material tells, which nobody has looked at yet
			}
			at.Type = vault.DefaultType
		}
		for name, value := range q.GetLabels() {
			if len(name) > vault.MaxLabelKeyLen || len(value) > vault.MaxLabelValueLen {
				return nil
			}
			at.Labels = append(at.Labels, policy.Pair{Name: name, Value: value})
		}
		return at
	}
	if name, err := vault.MakeName(r.Owner, r.Key); err == nil {
		ofPeer := s.keyAttributes(name, at)
		if m.binds {
			at.Context = fillIn(at.Context, ofPeer, c.asPeer())
		}
	}
	if _, exchange := req.(interface{ GetSessionKey() string }); exchange && at.Type == "" {
		return nil // of a type that is not known before the exchange is done
	}
	return at
}

// usesBeside reports whether r is not the key that a request makes, but one that
// it uses for that: what the request says is said of the former.
func usesBeside(req message, r policy.Resource) bool {
	q, unwraps := req.(*vaultdv1.UnwrapKeyRequest)
	if !unwraps {
		return false
	}
	owner, key, _ := strings.Cut(q.GetName(), "/")
	return owner != r.Owner || key != r.Key
}

const (
	pairOverhead = 8  // bytes that a pair takes in a context besides its name and value
	maxTypeLen   = 64 // no type of key has a longer name
)

// keyAttributes fills in the key's own, and returns the context names that it
// binds to its caller.
func (s *service) keyAttributes(name vault.Name, at *policy.Attributes) (ofPeer []string) {
	var room [8]vault.Label
	k := s.vault.KeyAttributes(name, room[:0])
	at.Type = k.Type
	for _, l := range k.Labels {
		at.Labels = append(at.Labels, policy.Pair{Name: l.Name, Value: l.Value})
	}
	return k.FromPeer
}

// attributes are room that is used again.
type attributes struct{ at policy.Attributes }

// note remembers a denial, with copies of what points into the read buffer, and
// returns its id.
func (s *service) note(who *policy.Principal, action policy.Action, r policy.Resource, at *policy.Attributes, d policy.Decision) string {
	r = policy.Resource{Owner: strings.Clone(r.Owner), Key: strings.Clone(r.Key)}
	if at == nil {
		return s.denials.Note(who, action, r, nil, d)
	}
	kept := *at
	kept.Context = make([]policy.Pair, len(at.Context))
	for i, p := range at.Context {
		kept.Context[i] = policy.Pair{Name: strings.Clone(p.Name), Value: strings.Clone(p.Value)}
	}
	return s.denials.Note(who, action, r, &kept, d)
}
