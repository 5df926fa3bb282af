package ipc

import (
	"strings"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// targets are the resources that a request touches: one, or two for an
// exchange, which signs with one key and stores another, and for what is
// encrypted anew under another key.
type targets struct {
	n         int
	resources [2]policy.Resource
	asks      [2]ask
	about     string // uid of the principal that is decided on, for the log
}

// ask is what is decided about a resource, where that is not the method's own
// action with the context of its request.
type ask struct {
	action policy.Action
	says   message // has the context
}

// ask is what is decided about resource i.
func (t *targets) ask(i int, m *method, req message) (policy.Action, message) {
	a := &t.asks[i]
	if a.action == "" {
		return m.action, req
	}
	if a.says == nil {
		return a.action, req
	}
	return a.action, a.says
}

func (t *targets) add(r policy.Resource) {
	t.resources[t.n] = r
	t.n++
}

func (t *targets) list() []policy.Resource { return t.resources[:t.n] }

// addKey adds the key of that name. A name that breaks the rules is nobody's,
// so that saying so tells nothing.
func (t *targets) addKey(name string) error {
	n, err := vault.ParseName(name)
	if err != nil {
		return err
	}
	t.add(policy.Resource{Owner: n.Owner(), Key: n.Key()})
	return nil
}

func (t *targets) addOwner(owner string) error {
	if _, err := vault.ParseOwner(owner); err != nil {
		return err
	}
	t.add(policy.Resource{Owner: owner})
	return nil
}

// The finders below say what a request touches. None looks into the vault, but
// decryptingKey, and so an answer for a foreign namespace is the same whatever
// is in it.

// wholeVault: requests about the vault itself.
func wholeVault[R any](_ *service, _ *policy.Principal, _ R, t *targets) error {
	t.add(policy.Resource{})
	return nil
}

// decidedPrincipal: requests about the vault itself that decide on a uid.
func decidedPrincipal[R interface{ GetUid() uint32 }](_ *service, _ *policy.Principal, req R, t *targets) error {
	t.add(policy.Resource{})
	t.about = uidText(req.GetUid())
	return nil
}

// namedKey: requests with a field "name" that is a key.
func namedKey[R interface{ GetName() string }](_ *service, _ *policy.Principal, req R, t *targets) error {
	return t.addKey(req.GetName())
}

// usedKey: requests with a field "key".
func usedKey[R interface{ GetKey() string }](_ *service, _ *policy.Principal, req R, t *targets) error {
	return t.addKey(req.GetKey())
}

// namedOwner: requests with a field "name" that is an owner.
func namedOwner[R interface{ GetName() string }](_ *service, _ *policy.Principal, req R, t *targets) error {
	return t.addOwner(req.GetName())
}

// listedOwner: requests with an optional field "owner". Without one they are
// about the whole vault for administrators, else about the caller's namespace.
func listedOwner[R interface{ GetOwner() string }](s *service, who *policy.Principal, req R, t *targets) error {
	if owner := req.GetOwner(); owner != "" {
		return t.addOwner(owner)
	}
	t.add(policy.Resource{Owner: s.defaultOwner(who)})
	return nil
}

// ownNamespace: requests about the whole vault for administrators, else about
// the caller's namespace.
func ownNamespace[R any](s *service, who *policy.Principal, _ R, t *targets) error {
	t.add(policy.Resource{Owner: s.defaultOwner(who)})
	return nil
}

// bothKeys: exchanges.
func bothKeys[R interface {
	GetSigningKey() string
	GetSessionKey() string
}](_ *service, _ *policy.Principal, req R, t *targets) error {
	if err := t.addKey(req.GetSigningKey()); err != nil {
		return err
	}
	return t.addKey(req.GetSessionKey())
}

// wrappedKey: the key that leaves, and the one that it leaves under, where that is
// the vault's.
func wrappedKey(_ *service, _ *policy.Principal, req *vaultdv1.WrapKeyRequest, t *targets) error {
	if err := t.addKey(req.GetKey()); err != nil || req.GetWrappingKey() == "" {
		return err
	}
	return t.addKey(req.GetWrappingKey())
}

// unwrappedKey: the key that is made, and the one that opens it.
func unwrappedKey(_ *service, _ *policy.Principal, req *vaultdv1.UnwrapKeyRequest, t *targets) error {
	if err := t.addKey(req.GetName()); err != nil {
		return err
	}
	return t.addKey(req.GetUnwrappingKey())
}

// checkedSubject: a key, an owner, or a fingerprint, which says nothing of its
// owner and is looked for in what the caller may see.
func checkedSubject(s *service, who *policy.Principal, req *vaultdv1.CheckRevocationRequest, t *targets) error {
	switch subject := req.GetSubject(); {
	case isFingerprint(subject):
		t.add(policy.Resource{Owner: s.defaultOwner(who)})
		return nil
	case strings.Contains(subject, "/"):
		return t.addKey(subject)
	default:
		return t.addOwner(subject)
	}
}

func isFingerprint(subject string) bool { return strings.HasPrefix(subject, "SHA256:") }

// decryptingKey: the key that the request names, else the one that the
// ciphertext names. To a user, a ciphertext of an unknown key is refused as
// one of a foreign key is.
func decryptingKey[R sealedRequest](s *service, who *policy.Principal, req R, t *targets) error {
	if req.GetKey() != "" {
		return t.addKey(req.GetKey())
	}
	ciphertext, binary, err := ciphertextOf(req)
	if err != nil {
		return err
	}
	name, err := s.vault.CiphertextKey(ciphertext, binary)
	switch _, admin := s.policy.IsAdmin(who); {
	case err == nil:
		t.add(policy.Resource{Owner: name.Owner(), Key: name.Key()})
	case err == error(fault.ErrInvalidCiphertext) && !admin:
		t.add(policy.Resource{}) // the vault's own: denied
	default:
		return err
	}
	return nil
}

// rewrappingKeys: the key that a ciphertext is under, and the one that it comes
// under. With the same key and context that is a right of its own. Otherwise it
// could be used to read: who may do it may decrypt with the one and encrypt with
// the other.
func rewrappingKeys(s *service, who *policy.Principal, req *vaultdv1.RewrapRequest, t *targets) error {
	if err := decryptingKey(s, who, req, t); err != nil {
		return err
	}
	to := t.resources[0]
	if req.GetToKey() != "" {
		n, err := vault.ParseName(req.GetToKey())
		if err != nil {
			return err
		}
		to = policy.Resource{Owner: n.Owner(), Key: n.Key()}
	}
	if to == t.resources[0] && !req.GetChangeContext() {
		return nil
	}
	t.asks[0] = ask{action: policy.Decrypt}
	t.asks[1] = ask{action: policy.Encrypt, says: &vaultdv1.EncryptRequest{Context: newContext(req)}}
	t.add(to)
	return nil
}

// newContext is the context that a ciphertext is bound to once it is rewrapped.
func newContext(req *vaultdv1.RewrapRequest) []*vaultdv1.ContextPair {
	if req.GetChangeContext() {
		return req.GetToContext()
	}
	return req.GetContext()
}
