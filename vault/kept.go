package vault

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/vaultd/vaultd/vault/store"
)

// Kept is a record that the vault keeps for the policy: a grant, the uses made
// of one, or a principal. What Body says is the policy's affair.
type Kept struct {
	ID   string // a grant's: 16 bytes in lower-case hexadecimal; a principal's: its uid in decimal
	Body []byte
}

// PolicyRecords are all records that the vault keeps for the policy.
type PolicyRecords struct {
	Grants     []Kept
	Uses       []Kept // made of any grant, be it from a file
	Principals []Kept
}

// kept are these records of an unsealed vault in memory.
type kept struct {
	write sync.Mutex // serialises changes; taken before mu and held over a commit
	mu    sync.RWMutex
	all   map[store.Kind]map[string]keptRecord
}

func newKept() *kept {
	return &kept{all: map[store.Kind]map[string]keptRecord{kindGrant: {}, kindGrantUse: {}, kindPrincipal: {}}}
}

func (k *kept) load(rec store.Record) error {
	r, err := parseKept(rec)
	if err == nil {
		k.all[rec.Kind][rec.Path] = r
	}
	return err
}

// list are the records of a kind by their ids, never nil.
func (k *kept) list(kind store.Kind) []Kept {
	k.mu.RLock()
	defer k.mu.RUnlock()
	list := make([]Kept, 0, len(k.all[kind]))
	for _, id := range slices.Sorted(maps.Keys(k.all[kind])) {
		list = append(list, Kept{id, bytes.Clone(k.all[kind][id].body)})
	}
	return list
}

func (k *kept) has(id store.ID) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	_, found := k.all[id.Kind][id.Path]
	return found
}

// OnPolicyRecords sets what is told the records kept for the policy, whenever
// the vault is about to be open, before any operation can run. An error keeps
// the vault sealed. It is told nil when the vault was sealed. Set it before the
// first Unseal.
func (v *Vault) OnPolicyRecords(f func(*PolicyRecords) error) {
	v.admin.Lock()
	defer v.admin.Unlock()
	v.onPolicyRecords = f
}

// tellPolicy calls what OnPolicyRecords set. The caller holds v.admin.
func (v *Vault) tellPolicy(k *kept) error {
	switch {
	case v.onPolicyRecords == nil:
		return nil
	case k == nil:
		return v.onPolicyRecords(nil)
	}
	return v.onPolicyRecords(&PolicyRecords{k.list(kindGrant), k.list(kindGrantUse), k.list(kindPrincipal)})
}

// AddGrant keeps a grant under an id that must be new.
func (v *Vault) AddGrant(ctx context.Context, g Kept) error {
	return v.change(func(o *opened) error {
		if o.kept.has(store.ID{Kind: kindGrant, Path: g.ID}) {
			return E(CodeBadArgument, "there is a grant %s already", clip(g.ID))
		}
		return o.keep(ctx, kindGrant, []Kept{g}, false)
	})
}

// RemoveGrant forgets a grant and the uses that were made of it. It works on a
// full disk, as every end of a permission does. Error: grant_not_found.
func (v *Vault) RemoveGrant(ctx context.Context, id string) error {
	return v.change(func(o *opened) error {
		gone := []store.ID{{Kind: kindGrant, Path: id}}
		if !o.kept.has(gone[0]) {
			return E(CodeGrantNotFound, "there is no grant %s in the vault", clip(id))
		}
		if uses := (store.ID{Kind: kindGrantUse, Path: id}); o.kept.has(uses) {
			gone = append(gone, uses)
		}
		if err := o.commit(ctx, store.Batch{Deletes: gone, Urgent: true}); err != nil {
			return storeError(err)
		}
		o.kept.mu.Lock()
		defer o.kept.mu.Unlock()
		for _, g := range gone {
			delete(o.kept.all[g.Kind], g.Path)
		}
		return nil
	})
}

// SaveGrantUses keeps how much was used of the grants in uses, instead of what
// it kept of the same ones before. It is durable when it returns.
func (v *Vault) SaveGrantUses(ctx context.Context, uses []Kept) error {
	return v.change(func(o *opened) error {
		uses = slices.SortedFunc(slices.Values(uses), func(a, b Kept) int { return cmp.Compare(a.ID, b.ID) })
		for some := range slices.Chunk(uses, 256) {
			if err := o.keep(ctx, kindGrantUse, some, false); err != nil {
				return err
			}
		}
		return nil
	})
}

// SavePrincipals keeps principals, at most 128, instead of what it kept of the
// same ones before: all of them or none, durable when it returns. It works on a
// full disk, as an administrator has to be known before it can revoke or seal.
func (v *Vault) SavePrincipals(ctx context.Context, some []Kept) error {
	if len(some) > maxPrincipalsAtOnce {
		return E(CodeBadArgument, "at most %d principals change at once", maxPrincipalsAtOnce)
	}
	return v.change(func(o *opened) error { return o.keep(ctx, kindPrincipal, some, true) })
}

const maxPrincipalsAtOnce = 128

// change runs do while the vault is unsealed, and no other change of records
// for the policy with it.
func (v *Vault) change(do func(*opened) error) error {
	o, err := v.enter()
	if err != nil {
		return err
	}
	defer v.mu.RUnlock()
	o.kept.write.Lock()
	defer o.kept.write.Unlock()
	return do(o)
}

// keep puts records of a kind as one batch. The caller holds write.
func (o *opened) keep(ctx context.Context, kind store.Kind, some []Kept, urgent bool) error {
	next := make(map[string]keptRecord, len(some))
	b := store.Batch{Urgent: urgent}
	for _, r := range some {
		if !validKeptID(kind, r.ID) || len(r.Body) == 0 || len(r.Body) > maxKeptLen {
			return E(CodeBadArgument, "a record of the policy has an id and 1 to %d bytes", maxKeptLen)
		}
		had := o.kept.all[kind][r.ID].version // only written under write
		next[r.ID] = keptRecord{bytes.Clone(r.Body), had + 1}
		b.Puts = append(b.Puts, store.Put{ID: store.ID{Kind: kind, Path: r.ID}, Body: appendKept(r.Body), Expect: had})
	}
	if err := o.commit(ctx, b); err != nil {
		return storeError(err)
	}
	o.kept.mu.Lock()
	defer o.kept.mu.Unlock()
	maps.Copy(o.kept.all[kind], next)
	return nil
}
