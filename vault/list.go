package vault

import (
	"context"
	"slices"
)

// ListKeys returns one page of keys, sorted by owner, then name, and the token
// of the next page, empty after the last. Keys that come or go meanwhile
// neither repeat nor hide others.
func (v *Vault) ListKeys(ctx context.Context, c ListKeys) (page []KeyInfo, next string, err error) {
	size, err := pageSize(c.PageSize)
	if err != nil {
		return nil, "", err
	}
	want, err := sortLabels(c.Labels)
	if err != nil {
		return nil, "", err
	}
	wanted, err := c.check()
	if err != nil {
		return nil, "", err
	}
	if c.Owner != "" {
		if _, err := ParseOwner(c.Owner); err != nil {
			return nil, "", err
		}
	}
	var after Name
	cursor, err := pageCursor("keys "+c.Owner, c.PageToken)
	if err == nil && cursor != "" {
		after, err = ParseName(cursor)
	}
	if err != nil {
		return nil, "", E(CodeBadArgument, "the page token is not of this listing")
	}
	o, err := v.enter()
	if err != nil {
		return nil, "", err
	}
	defer v.mu.RUnlock()
	now := o.clock.now()
	for {
		if err := ctx.Err(); err != nil { // a search may find little in much
			return nil, "", E(CodeTimeout, "the request was given up").Because(err)
		}
		keys := o.ring.keysAfter(after, c.Owner, size)
		for _, k := range keys {
			after = k.name
			k.mu.RLock()
			match := k.rec.hasLabels(want) && (c.IncludeDestroyed || !k.rec.allDestroyed()) && wanted.finds(k, now)
			k.mu.RUnlock()
			if !match {
				continue
			}
			if len(page) == size {
				return page, pageToken("keys "+c.Owner, page[size-1].Name.String()), nil
			}
			page = append(page, k.info(now))
		}
		if len(keys) == 0 {
			return page, "", nil
		}
	}
}

// keysAfter returns up to n keys behind a name in the order of listings, of
// one owner or of all.
func (r *keyring) keysAfter(after Name, owner string, n int) []*key {
	r.settle()
	r.mu.RLock()
	defer r.mu.RUnlock()
	owners := r.sorted
	if owner != "" {
		owners = []string{owner}
	}
	i := 0
	if !after.IsZero() {
		i, _ = slices.BinarySearch(owners, after.owner)
	}
	keys := make([]*key, 0, n)
	for ; i < len(owners); i++ {
		own := r.owners[owners[i]]
		if own == nil {
			continue
		}
		j := 0
		if own.name == after.owner {
			var found bool
			if j, found = slices.BinarySearch(own.keys, after.key); found {
				j++
			}
		}
		for ; j < len(own.keys); j++ {
			if len(keys) == n {
				return keys
			}
			keys = append(keys, r.keys[Name{own.name, own.keys[j]}])
		}
	}
	return keys
}

// ListOwners returns one page of owners, sorted by name, and the token of the
// next page, empty after the last.
func (v *Vault) ListOwners(_ context.Context, size int, token string) (page []Owner, next string, err error) {
	if size, err = pageSize(size); err != nil {
		return nil, "", err
	}
	after, err := pageCursor("owners", token)
	if err != nil {
		return nil, "", err
	}
	o, err := v.enter()
	if err != nil {
		return nil, "", err
	}
	defer v.mu.RUnlock()
	owners, more := o.ring.ownersAfter(after, size)
	for _, own := range owners {
		own.life.RLock()
		page = append(page, o.describeOwner(own))
		own.life.RUnlock()
	}
	if more {
		next = pageToken("owners", page[len(page)-1].Name)
	}
	return page, next, nil
}

// ownersAfter returns up to n recorded owners behind a name, and whether there are more.
func (r *keyring) ownersAfter(after string, n int) (owners []*owner, more bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	i, found := slices.BinarySearch(r.sorted, after)
	if found {
		i++
	}
	for ; i < len(r.sorted) && len(owners) < n; i++ {
		owners = append(owners, r.owners[r.sorted[i]])
	}
	return owners, i < len(r.sorted)
}
