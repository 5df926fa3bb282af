package vault

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/vaultd/vaultd/vault/store"
)

// MaxAliases bounds how many aliases an owner has.
const MaxAliases = 1000

// Alias is a second name of a key, which can be moved to another key of the same
// owner. It shares the namespace of the keys: a name is a key, an alias, or free.
type Alias struct {
	Name    Name
	Key     Name
	Created time.Time
	Moved   time.Time // zero while it points to its first key
}

// alias is one in memory. It is replaced, never changed.
type alias struct {
	rec     *aliasRecord
	version uint64 // of its record in the store
}

func (a *alias) info(n Name) Alias {
	return Alias{Name: n, Key: a.rec.key, Created: a.rec.created, Moved: a.rec.moved}
}

// HasAliases reports whether Resolve may find anything.
func (v *Vault) HasAliases() bool { return v.aliased.Load() }

// Resolve is the key that an alias points to at this moment, and whether n is
// one. Where the vault has had no aliases it takes no lock.
func (v *Vault) Resolve(n Name) (Name, bool) {
	if !v.aliased.Load() {
		return n, false
	}
	o, err := v.enter()
	if err != nil {
		return n, false // sealed, which the request will be told
	}
	defer v.mu.RUnlock()
	if a := o.ring.alias(n); a != nil {
		return a.rec.key, true
	}
	return n, false
}

// SetAlias makes an alias of a key, or moves it to another one, in one commit:
// who uses it meanwhile gets the old key or the new one. It also returns the key
// that it pointed to before, the zero Name for a new one. Errors: key_exists where a
// key has the name, key_not_found, revoked, key_destroyed, owner_revoked,
// quota_exceeded, bad_argument for a key of another owner or an alias of an alias.
func (v *Vault) SetAlias(ctx context.Context, name, to Name) (Alias, Name, error) {
	if name.IsZero() || name.owner != to.owner {
		return Alias{}, Name{}, E(CodeBadArgument, "an alias of %s can't point to a key of %s", name.owner, to.owner).
			WithHint("an alias and its key have one owner")
	}
	o, err := v.enter()
	if err != nil {
		return Alias{}, Name{}, err
	}
	defer v.mu.RUnlock()
	own := o.ring.existing(name.owner)
	if own == nil {
		return Alias{}, Name{}, E(CodeKeyNotFound, "there is no key %s", to)
	}
	// Exclusively: no key comes to the name while it becomes an alias.
	own.life.Lock()
	defer own.life.Unlock()
	if own.revoked.Load() {
		return Alias{}, Name{}, ownerRevoked(own.name)
	}
	if o.ring.named(name) != nil {
		return Alias{}, Name{}, E(CodeKeyExists, "%s is a key, and so can't be an alias", name).WithHint("choose another name")
	}
	if err := o.mayPointTo(to); err != nil {
		return Alias{}, Name{}, err
	}
	was := o.ring.alias(name)
	now := o.clock.stamp()
	next := &alias{rec: &aliasRecord{key: to, created: now}, version: 1}
	var before Name
	put := store.Put{ID: aliasRecordID(name)}
	switch {
	case was == nil:
		if o.ring.aliasesOf(own.name) >= MaxAliases {
			return Alias{}, Name{}, E(CodeQuotaExceeded, "owner %s has %d aliases, which is the most", own.name, MaxAliases).
				WithHint("remove those that are not needed with 'vaultctl alias remove'")
		}
	case was.rec.key == to:
		return was.info(name), to, nil
	default:
		before, put.Expect, next.version = was.rec.key, was.version, was.version+1
		next.rec.created, next.rec.moved = was.rec.created, now
	}
	put.Body = next.rec.append(nil)
	if err := o.commit(ctx, store.Batch{Puts: []store.Put{put}}); err != nil {
		return Alias{}, Name{}, storeError(err)
	}
	o.ring.setAlias(name, next)
	v.aliased.Store(true)
	return next.info(name), before, nil
}

// mayPointTo refuses what would be of no use to who comes by the alias.
func (o *opened) mayPointTo(to Name) error {
	if a := o.ring.alias(to); a != nil {
		return E(CodeBadArgument, "%s is an alias itself", to).WithHint("point to the key, which is %s", a.rec.key)
	}
	k, err := o.ring.lookup(to)
	if err != nil {
		return err
	}
	now := o.clock.now()
	k.mu.RLock()
	defer k.mu.RUnlock()
	switch s := k.whole(now); {
	case k.revoked != nil, k.rec.allDestroyed(), s == StateDestroyed, s == StatePendingDestruction:
		return k.refusal(s, opRotate, uint32(len(k.rec.versions)), now)
	}
	return nil
}

// RemoveAlias removes an alias and leaves its key as it is. It works for a revoked
// owner too. Error: alias_not_found.
func (v *Vault) RemoveAlias(ctx context.Context, name Name) (Alias, error) {
	o, err := v.enter()
	if err != nil {
		return Alias{}, err
	}
	defer v.mu.RUnlock()
	own := o.ring.existing(name.owner)
	if own == nil {
		return Alias{}, o.noAlias(name)
	}
	own.life.Lock()
	defer own.life.Unlock()
	was := o.ring.alias(name)
	if was == nil {
		return Alias{}, o.noAlias(name)
	}
	if err := o.commit(ctx, store.Batch{Deletes: []store.ID{aliasRecordID(name)}}); err != nil {
		return Alias{}, storeError(err)
	}
	o.ring.setAlias(name, nil)
	return was.info(name), nil
}

func (o *opened) noAlias(name Name) error {
	e := E(CodeAliasNotFound, "there is no alias %s", name)
	if o.ring.named(name) != nil {
		return e.WithHint("that is a key")
	}
	return e
}

// ShowAlias tells where an alias points. Error: alias_not_found.
func (v *Vault) ShowAlias(_ context.Context, name Name) (Alias, error) {
	o, err := v.enter()
	if err != nil {
		return Alias{}, err
	}
	defer v.mu.RUnlock()
	if a := o.ring.alias(name); a != nil {
		return a.info(name), nil
	}
	return Alias{}, o.noAlias(name)
}

// ListAliases asks for one page of aliases.
type ListAliases struct {
	Owner     string // empty is every owner
	Key       Name   // only those of this key; zero is any
	PageSize  int    // 0 is 100; at most 1000
	PageToken string
}

// ListAliases returns one page of aliases, sorted by owner, then name, and the
// token of the next page, empty after the last.
func (v *Vault) ListAliases(_ context.Context, c ListAliases) (page []Alias, next string, err error) {
	size, err := pageSize(c.PageSize)
	if err != nil {
		return nil, "", err
	}
	list := "aliases " + c.Owner + " " + c.Key.String()
	after, err := pageCursor(list, c.PageToken)
	if err != nil {
		return nil, "", err
	}
	o, err := v.enter()
	if err != nil {
		return nil, "", err
	}
	defer v.mu.RUnlock()
	page = o.ring.aliasesAfter(after, c)
	if len(page) > size {
		page = page[:size]
		next = pageToken(list, page[size-1].Name.String())
	}
	return page, next, nil
}

// aliasesAfter are all that are asked for behind a name, sorted.
func (r *keyring) aliasesAfter(after string, c ListAliases) []Alias {
	var cursor Name
	if after != "" {
		cursor.owner, cursor.key, _ = strings.Cut(after, "/")
	}
	r.mu.RLock()
	var all []Alias
	for n, a := range r.aliases {
		if (c.Owner == "" || n.owner == c.Owner) && (c.Key.IsZero() || a.rec.key == c.Key) && n.compare(cursor) > 0 {
			all = append(all, a.info(n))
		}
	}
	r.mu.RUnlock()
	slices.SortFunc(all, func(a, b Alias) int { return a.Name.compare(b.Name) })
	return all
}

// compare orders names as listings do: by owner, then name.
func (n Name) compare(m Name) int {
	if c := strings.Compare(n.owner, m.owner); c != 0 {
		return c
	}
	return strings.Compare(n.key, m.key)
}

// alias finds an alias; nil when the name is none. A key of the name, which a
// restored backup could bring, comes first.
func (r *keyring) alias(n Name) *alias {
	r.mu.RLock()
	defer r.mu.RUnlock()
	a := r.aliases[n]
	if a == nil || r.keys[n] != nil {
		return nil
	}
	return a
}

// setAlias enters a committed alias, or takes one out for nil. The caller holds
// the owner's life exclusively.
func (r *keyring) setAlias(n Name, a *alias) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a == nil {
		delete(r.aliases, n)
		return
	}
	r.aliases[n] = a
}

func (r *keyring) aliasesOf(owner string) (n int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for name := range r.aliases {
		if name.owner == owner {
			n++
		}
	}
	return n
}
