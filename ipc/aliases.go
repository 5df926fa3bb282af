package ipc

import (
	"errors"
	"strings"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// aliases are those that a request named, with the keys that it was performed on.
type aliases struct {
	n    int
	from [2]vault.Name
	to   [2]vault.Name
}

// resolve has a request name the key where it names an alias. It comes before
// everything else, so that what is decided, performed and recorded is about one
// key, wherever the alias is moved meanwhile; and that an alias gives nobody a right.
func (s *service) resolve(c *call, req message) {
	c.aliases.n = 0
	if !s.vault.HasAliases() {
		return
	}
	first, second := keysNamed(req)
	s.resolveField(&c.aliases, 0, first)
	s.resolveField(&c.aliases, 1, second)
}

func (s *service) resolveField(a *aliases, i int, field *string) {
	if field == nil {
		return
	}
	name, err := vault.ParseName(*field)
	if err != nil {
		return // which the request will be told
	}
	key, is := s.vault.Resolve(name)
	if !is {
		return
	}
	name, _ = vault.ParseName(strings.Clone(*field)) // it may be in the read buffer
	a.from[a.n], a.to[a.n] = name, key
	a.n++
	*field = key.String()
}

// keysNamed are the fields of a request that name a key which there is already. A
// name that the request gives to a new key is none.
func keysNamed(req message) (first, second *string) {
	switch q := req.(type) {
	case *vaultdv1.EncryptRequest:
		return &q.Key, nil
	case *vaultdv1.DecryptRequest:
		return &q.Key, nil
	case *vaultdv1.SignRequest:
		return &q.Key, nil
	case *vaultdv1.VerifyRequest:
		return &q.Key, nil
	case *vaultdv1.MACRequest:
		return &q.Key, nil
	case *vaultdv1.VerifyMACRequest:
		return &q.Key, nil
	case *vaultdv1.AgreeRequest:
		return &q.Key, nil
	case *vaultdv1.RewrapRequest:
		return &q.Key, &q.ToKey
	case *vaultdv1.GenerateDataKeyRequest:
		return &q.Key, nil
	case *vaultdv1.DeriveRequest:
		return &q.Key, nil
	case *vaultdv1.ForgetRequest:
		return &q.Key, nil
	case *vaultdv1.EncapsulateRequest:
		return &q.Key, nil
	case *vaultdv1.DecapsulateRequest:
		return &q.Key, nil
	case *vaultdv1.CreateCSRRequest:
		return &q.Key, nil
	case *vaultdv1.CreateCertificateRequest:
		return &q.Key, nil
	case *vaultdv1.WrapKeyRequest:
		return &q.Key, &q.WrappingKey
	case *vaultdv1.UnwrapKeyRequest:
		return &q.UnwrappingKey, nil
	case *vaultdv1.OfferExchangeRequest:
		return &q.SigningKey, nil
	case *vaultdv1.AcceptExchangeRequest:
		return &q.SigningKey, nil
	case *vaultdv1.CheckRevocationRequest:
		return &q.Subject, nil
	case *vaultdv1.ShowKeyRequest:
		return &q.Name, nil
	case *vaultdv1.PublicKeyRequest:
		return &q.Name, nil
	case *vaultdv1.RotateKeyRequest:
		return &q.Name, nil
	case *vaultdv1.ExportKeyRequest:
		return &q.Name, nil
	case *vaultdv1.DestroyKeyRequest:
		return &q.Name, nil
	case *vaultdv1.RevokeKeyRequest:
		return &q.Name, nil
	case *vaultdv1.SuspendKeyRequest:
		return &q.Name, nil
	case *vaultdv1.ResumeKeyRequest:
		return &q.Name, nil
	case *vaultdv1.UpdateKeyRequest:
		return &q.Name, nil
	case *vaultdv1.CancelDestructionRequest:
		return &q.Name, nil
	case *vaultdv1.TrimKeyRequest:
		return &q.Name, nil
	case *vaultdv1.KeyCensusRequest:
		return &q.Name, nil
	case *vaultdv1.ReadEventsRequest:
		return &q.Key, nil
	}
	return nil, nil
}

// only is a without what an earlier request of the same call left in it.
func (a *aliases) only() (o aliases) {
	o.n = copy(o.from[:], a.from[:a.n])
	copy(o.to[:], a.to[:a.n])
	return o
}

// named adds to an error about a key by which alias it was meant. It is for who
// may use the key: to others an alias tells nothing.
func (a *aliases) named(err error) error {
	var known *fault.Error
	if a.n == 0 || !errors.As(err, &known) {
		return err
	}
	for i := range a.n {
		hint := a.from[i].String() + " is an alias of " + a.to[i].String()
		if known.Hint != "" {
			hint = known.Hint + "; " + hint
		}
		known = known.WithHint("%s", hint)
	}
	return known
}

// asNamed is r as the request named it, for who is denied: what an alias points to
// is its owner's affair.
func (a *aliases) asNamed(r policy.Resource) policy.Resource {
	for i := range a.n {
		if a.to[i].Owner() == r.Owner && a.to[i].Key() == r.Key {
			return policy.Resource{Owner: a.from[i].Owner(), Key: a.from[i].Key()}
		}
	}
	return r
}

// fields are what the record of a request says of them, beside its keys.
func (a *aliases) fields(e *Event) (f []audit.Field) {
	for i := range a.n {
		name := "alias"
		if i > 0 || len(e.Resources) > 0 && e.Resources[0].String() != a.to[i].String() {
			name = secondKey(e.Action) + "_alias"
		}
		f = append(f, audit.Field{Name: name, Value: a.from[i].String()})
	}
	return f
}
