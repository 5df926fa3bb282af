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

// Grant is a grant as the vault keeps it: what Body says is the policy's affair.
type Grant struct {
	ID   string // 16 bytes in lower-case hexadecimal
	Body []byte
}

// grants are the grants of an unsealed vault in memory, with the uses that were
// made of any grant, be it from a file.
type grants struct {
	write sync.Mutex // serialises changes; taken before mu and held over a commit
	mu    sync.RWMutex
	all   map[string]grantRecord
	uses  map[string]grantRecord
}

func newGrants() *grants {
	return &grants{all: make(map[string]grantRecord), uses: make(map[string]grantRecord)}
}

func listGrants(of map[string]grantRecord) []Grant {
	list := make([]Grant, 0, len(of))
	for _, id := range slices.Sorted(maps.Keys(of)) {
		list = append(list, Grant{id, bytes.Clone(of[id].body)})
	}
	return list
}

// OnGrants sets what is told the grants in the vault, and the uses made of
// grants, whenever it is about to be unsealed, before any operation can run. An
// error keeps the vault sealed. It is told nil for both when the vault was
// sealed. Set it before the first Unseal.
func (v *Vault) OnGrants(f func(grants, uses []Grant) error) {
	v.admin.Lock()
	defer v.admin.Unlock()
	v.onGrants = f
}

// tellGrants calls what OnGrants set. The caller holds v.admin.
func (v *Vault) tellGrants(g *grants) error {
	switch {
	case v.onGrants == nil:
		return nil
	case g == nil:
		return v.onGrants(nil, nil)
	}
	return v.onGrants(listGrants(g.all), listGrants(g.uses))
}

// Grants lists the grants in the vault by their ids.
func (v *Vault) Grants() ([]Grant, error) {
	o, err := v.enter()
	if err != nil {
		return nil, err
	}
	defer v.mu.RUnlock()
	o.grants.mu.RLock()
	defer o.grants.mu.RUnlock()
	return listGrants(o.grants.all), nil
}

// AddGrant keeps a grant under an id that must be new.
func (v *Vault) AddGrant(ctx context.Context, g Grant) error {
	if !validGrantID(g.ID) || len(g.Body) == 0 || len(g.Body) > maxGrantLen {
		return E(CodeBadArgument, "a grant has an id and 1 to %d bytes", maxGrantLen)
	}
	o, err := v.enter()
	if err != nil {
		return err
	}
	defer v.mu.RUnlock()
	o.grants.write.Lock()
	defer o.grants.write.Unlock()
	put := store.Put{ID: grantRecordID(g.ID), Body: appendGrant(g.Body)}
	if err := o.commit(ctx, store.Batch{Puts: []store.Put{put}}); err != nil {
		return storeError(err)
	}
	o.grants.mu.Lock()
	defer o.grants.mu.Unlock()
	o.grants.all[g.ID] = grantRecord{bytes.Clone(g.Body), 1}
	return nil
}

// RemoveGrant forgets a grant and the uses that were made of it. It works on a
// full disk, as every end of a permission does. Error: grant_not_found.
func (v *Vault) RemoveGrant(ctx context.Context, id string) error {
	o, err := v.enter()
	if err != nil {
		return err
	}
	defer v.mu.RUnlock()
	o.grants.write.Lock()
	defer o.grants.write.Unlock()
	o.grants.mu.RLock()
	_, found := o.grants.all[id]
	_, used := o.grants.uses[id]
	o.grants.mu.RUnlock()
	if !found {
		return E(CodeGrantNotFound, "there is no grant %s in the vault", clip(id))
	}
	gone := []store.ID{grantRecordID(id)}
	if used {
		gone = append(gone, grantUseRecordID(id))
	}
	if err := o.commit(ctx, store.Batch{Deletes: gone, Urgent: true}); err != nil {
		return storeError(err)
	}
	o.grants.mu.Lock()
	defer o.grants.mu.Unlock()
	delete(o.grants.all, id)
	delete(o.grants.uses, id)
	return nil
}

// SaveGrantUses keeps how much was used of the grants in uses, instead of what
// it kept of the same ones before. It is durable when it returns.
func (v *Vault) SaveGrantUses(ctx context.Context, uses []Grant) error {
	o, err := v.enter()
	if err != nil {
		return err
	}
	defer v.mu.RUnlock()
	o.grants.write.Lock()
	defer o.grants.write.Unlock()
	uses = slices.SortedFunc(slices.Values(uses), func(a, b Grant) int { return cmp.Compare(a.ID, b.ID) })
	for some := range slices.Chunk(uses, 256) {
		if err := o.saveUses(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// saveUses is SaveGrantUses for what fits in one batch. The caller holds write.
func (o *opened) saveUses(ctx context.Context, uses []Grant) error {
	next := make(map[string]grantRecord, len(uses))
	var b store.Batch
	o.grants.mu.RLock()
	for _, u := range uses {
		had := o.grants.uses[u.ID].version
		next[u.ID] = grantRecord{bytes.Clone(u.Body), had + 1}
		b.Puts = append(b.Puts, store.Put{ID: grantUseRecordID(u.ID), Body: appendGrant(u.Body), Expect: had})
	}
	o.grants.mu.RUnlock()
	if err := o.commit(ctx, b); err != nil {
		return storeError(err)
	}
	o.grants.mu.Lock()
	defer o.grants.mu.Unlock()
	maps.Copy(o.grants.uses, next)
	return nil
}
