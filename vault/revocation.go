package vault

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// Kinds of revocations.
const (
	RevokedKey   = "key"       // a key's tombstone
	RevokedOwner = "owner"     // an owner's revocation
	Destroyed    = "destroyed" // versions of a key whose material is gone
)

// Revocation is one entry of the list of what must not be trusted any more.
type Revocation struct {
	Kind         string
	Name         string // "owner/name", or "owner"
	KeyID        KeyID  // zero for an owner
	Fingerprints [][32]byte
	Time         time.Time
	By           string
	Reason       string
	Reinstated   bool // owners only: the revocation is not in force any more

	// inForce is whether the entry alone makes its subject revoked. Material
	// that somebody destroyed on purpose is gone but not discredited.
	inForce bool
	order   string // position in the list
}

// ListRevocations returns one page of an owner's revocations, or of all for
// the empty owner, and the token of the next page, empty after the last.
func (v *Vault) ListRevocations(_ context.Context, owner string, size int, token string) (page []Revocation, next string, err error) {
	if size, err = pageSize(size); err != nil {
		return nil, "", err
	}
	if owner != "" {
		if _, err := ParseOwner(owner); err != nil {
			return nil, "", err
		}
	}
	list := "revocations " + owner
	after, err := pageCursor(list, token)
	if err != nil {
		return nil, "", err
	}
	o, err := v.enter()
	if err != nil {
		return nil, "", err
	}
	defer v.mu.RUnlock()
	all := o.ring.revocations(owner)
	i, found := slices.BinarySearchFunc(all, after, func(r Revocation, at string) int { return strings.Compare(r.order, at) })
	if found {
		i++
	}
	page = all[i:]
	if len(page) > size {
		page = page[:size]
		next = pageToken(list, page[size-1].order)
	}
	return page, next, nil
}

// CheckRevocation tells whether a subject is revoked, and why: a key by name
// or fingerprint ("SHA256:…"), or an owner. A subject that the vault has never
// seen is not revoked. With an owner given, only that namespace is looked at.
//
// A key is revoked by its own tombstone, by the revocation of its owner while
// that is in force, and for ever when its owner's revocation destroyed it.
// Destruction that somebody asked for is listed, but discredits nothing.
func (v *Vault) CheckRevocation(_ context.Context, subject, owner string) (bool, []Revocation, error) {
	match, err := revocationSubject(subject)
	if err != nil {
		return false, nil, err
	}
	o, err := v.enter()
	if err != nil {
		return false, nil, err
	}
	defer v.mu.RUnlock()
	revoked := false
	var found []Revocation
	for _, r := range o.ring.revocations(owner) {
		if match(&r) {
			found = append(found, r)
			revoked = revoked || r.inForce
		}
	}
	return revoked, found, nil
}

// revocationSubject reads what is asked for into a test on entries.
func revocationSubject(subject string) (func(*Revocation) bool, error) {
	switch {
	case strings.HasPrefix(subject, "SHA256:"):
		f, err := keytype.ParseFingerprint(subject)
		if err != nil {
			return nil, E(CodeBadArgument, "%q is no fingerprint", clip(subject))
		}
		return func(r *Revocation) bool { return slices.Contains(r.Fingerprints, f) }, nil
	case strings.Contains(subject, "/"):
		n, err := ParseName(subject)
		if err != nil {
			return nil, err
		}
		return func(r *Revocation) bool { return r.Name == n.String() || r.Kind == RevokedOwner && r.Name == n.owner }, nil
	}
	if _, err := ParseOwner(subject); err != nil {
		return nil, err
	}
	return func(r *Revocation) bool { return r.Kind == RevokedOwner && r.Name == subject }, nil
}

// revocations is the whole list of an owner, or of all, in order.
func (r *keyring) revocations(of string) []Revocation {
	r.mu.RLock()
	var owners []*owner
	for name, o := range r.owners {
		if of == "" || name == of {
			owners = append(owners, o)
		}
	}
	var all []Revocation
	for _, t := range r.tombs {
		if of == "" || t.name.owner == of {
			all = append(all, t.entry())
		}
	}
	r.mu.RUnlock()
	for _, o := range owners {
		all = o.appendEntries(all)
		for _, k := range r.keysOf(o) {
			k.mu.RLock()
			all = k.appendDestroyed(all)
			k.mu.RUnlock()
		}
	}
	slices.SortFunc(all, func(a, b Revocation) int { return strings.Compare(a.order, b.order) })
	return all
}

// entry is the tombstone as the list shows it.
func (t *revocationRecord) entry() Revocation {
	return Revocation{
		Kind: RevokedKey, Name: t.name.String(), KeyID: t.id, Fingerprints: t.fingerprints,
		Time: t.time, By: t.by, Reason: t.reason, inForce: true, order: t.name.String() + " key " + t.id.String(),
	}
}

func (o *owner) appendEntries(all []Revocation) []Revocation {
	o.life.RLock()
	defer o.life.RUnlock()
	if o.rec == nil {
		return all
	}
	for i := range o.rec.revocations {
		v := &o.rec.revocations[i]
		all = append(all, Revocation{
			Kind: RevokedOwner, Name: o.name, Time: v.time, By: v.by, Reason: v.reason,
			Reinstated: !v.reinstated.IsZero(), inForce: v.reinstated.IsZero(),
			order: o.name + " owner " + v.time.Format(time.RFC3339Nano),
		})
	}
	return all
}

// appendDestroyed lists what is destroyed of a key: one entry for what somebody
// asked for, one for what fell with its owner. The caller holds k.mu.
func (k *key) appendDestroyed(all []Revocation) []Revocation {
	var asked, byOwner Revocation
	for i := range k.rec.versions {
		v := &k.rec.versions[i]
		e := &asked
		switch v.cause {
		case notDestroyed:
			continue
		case destroyedByOwner:
			e = &byOwner
		}
		e.Fingerprints = append(e.Fingerprints, v.fingerprint)
		if v.destroyed.After(e.Time) {
			e.Time = v.destroyed
		}
	}
	for i, e := range []Revocation{asked, byOwner} {
		if len(e.Fingerprints) == 0 {
			continue
		}
		e.Kind, e.Name, e.KeyID = Destroyed, k.name.String(), k.id
		e.By, e.Reason = k.rec.destroyedBy, k.rec.destroyReason
		e.inForce = i == 1
		e.order = e.Name + " destroyed " + string(rune('0'+i)) + k.id.String()
		all = append(all, e)
	}
	return all
}
