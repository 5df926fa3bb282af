package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/store"
)

// CreateKey makes a key with one generated version. The first key in a
// namespace makes its owner known. Errors: key_exists, owner_revoked,
// unsupported_algorithm, bad_argument.
func (v *Vault) CreateKey(ctx context.Context, c CreateKey) (KeyInfo, error) {
	if c.Type == "" {
		c.Type = DefaultType
	}
	typ, err := typeNamed(c.Type)
	if err != nil {
		return KeyInfo{}, err
	}
	n := newborn{
		name: c.Name, typ: typ, origin: OriginGenerated, ttl: c.TTL, noExpiry: c.NoExpiry,
		exportable: c.Exportable, uses: c.Uses, labels: c.Labels, require: c.RequireContext,
		tracked: c.Tracked, periods: c.Periods, rotateEvery: c.RotateEvery.Truncate(time.Microsecond),
	}
	if err := n.check(); err != nil {
		return KeyInfo{}, err
	}
	// What is sure to be refused is refused before seconds go into an RSA key.
	if err := v.mayCreate(c.Name); err != nil {
		return KeyInfo{}, err
	}
	if n.material, err = typ.Generate(v.o.Random); err != nil {
		return KeyInfo{}, fmt.Errorf("generate a key of type %s: %w", typ.Name, err)
	}
	defer secret.Wipe(n.material)
	o, err := v.enter()
	if err != nil {
		return KeyInfo{}, err
	}
	defer v.mu.RUnlock()
	return o.bear(ctx, &n)
}

func (v *Vault) mayCreate(n Name) error {
	o, err := v.enter()
	if err != nil {
		return err
	}
	defer v.mu.RUnlock()
	return o.mayCreate(n)
}

func (o *opened) mayCreate(n Name) error {
	if own := o.ring.existing(n.owner); own != nil {
		if own.revoked.Load() {
			return ownerRevoked(n.owner)
		}
		if limit := int(o.keysPerOwner.Load()); o.ring.full(own, limit) {
			return tooManyKeys(n.owner, limit)
		}
	}
	if _, err := o.ring.lookup(n); err == nil {
		return E(CodeKeyExists, "there is a key %s already", n)
	}
	return o.noAliasAt(n)
}

// noAliasAt refuses a new key the name of an alias: who uses the alias would
// from then on have another key.
func (o *opened) noAliasAt(n Name) error {
	if o.ring.alias(n) == nil {
		return nil
	}
	return E(CodeKeyExists, "%s is an alias, and so can't be a new key", n).
		WithHint("choose another name, or remove it with 'vaultctl alias remove %s'", n)
}

// newborn is a key about to be stored, however it came into being.
type newborn struct {
	name       Name
	typ        *keytype.Type
	origin     Origin
	ttl        time.Duration
	noExpiry   bool
	exportable bool
	uses       keytype.Use
	labels     map[string]string
	require    []string
	tracked    bool
	material   []byte
	periods    Periods

	rotateEvery time.Duration

	// expires, where set, is the first version's expiry instead of its ttl.
	expires time.Time
	// alongside and forgotten are committed in the same batch.
	alongside []store.Put
	forgotten []store.ID

	sorted   []label
	required []requirement
}

// check fills in the type's defaults and refuses what no key can be.
func (n *newborn) check() (err error) {
	if n.name.IsZero() {
		return E(CodeBadArgument, "the key has no name")
	}
	if n.uses == 0 {
		n.uses = n.typ.DefaultUses
	}
	if n.uses&^n.typ.Uses != 0 {
		return E(CodeBadArgument, "a key of type %s cannot %s", n.typ.Name, useNames(n.uses&^n.typ.Uses))
	}
	if n.uses&keytype.UseDecrypt != 0 && n.uses&keytype.UseUnwrap != 0 {
		// Whoever may decrypt could read the keys that are wrapped under it.
		return E(CodeBadArgument, "a key that unwraps other keys can't decrypt too").WithHint("make a key for each")
	}
	if n.ttl == 0 && !n.noExpiry {
		n.ttl = n.typ.DefaultTTL
	}
	if n.ttl, err = checkTTL(n.ttl, n.noExpiry); err != nil {
		return err
	}
	if err := n.periods.check(); err != nil {
		return err
	}
	if err := checkRotation(n.rotateEvery, n.ttl); err != nil {
		return err
	}
	if n.sorted, err = sortLabels(n.labels); err != nil {
		return err
	}
	if n.required, err = parseRequirements(n.require); err != nil {
		return err
	}
	if err := n.mayTrack(); err != nil {
		return err
	}
	return mayRequire(n.typ, n.uses, n.required)
}

// checkTTL bounds a lifetime, which a caller who wants none must not name.
func checkTTL(ttl time.Duration, noExpiry bool) (time.Duration, error) {
	switch {
	case noExpiry && ttl != 0:
		return 0, E(CodeBadArgument, "a key has a lifetime or no expiry, not both")
	case ttl < 0 || ttl > MaxTTL || ttl > 0 && ttl < time.Millisecond:
		return 0, E(CodeBadArgument, "a lifetime is from a millisecond to 100 years")
	}
	return ttl.Truncate(time.Microsecond), nil
}

// bear stores a new key. The caller holds v.mu shared.
func (o *opened) bear(ctx context.Context, n *newborn) (KeyInfo, error) {
	if err := o.mayCreate(n.name); err != nil {
		return KeyInfo{}, err
	}
	own := o.ring.owner(n.name.owner)
	release, fresh := own.hold()
	defer release()
	if own.revoked.Load() {
		return KeyInfo{}, ownerRevoked(own.name)
	}
	if err := o.noAliasAt(n.name); err != nil { // one may have come before the owner was held
		return KeyInfo{}, err
	}
	limit := int(o.keysPerOwner.Load())
	if !o.ring.expect(own, limit) {
		return KeyInfo{}, tooManyKeys(own.name, limit)
	}
	born := false
	defer func() {
		if !born {
			o.ring.give(own)
		}
	}()
	now := o.clock.stamp()
	rec := &keyRecord{
		typ: n.typ.ID, uses: n.uses, exportable: n.exportable, origin: n.origin,
		created: now, ttl: n.ttl, labels: n.sorted, required: n.required,
		tracked: n.tracked, rotation: beginRotation(n.rotateEvery, now),
	}
	if _, err := io.ReadFull(o.random, rec.id[:]); err != nil {
		return KeyInfo{}, fmt.Errorf("make a key id: %w", err)
	}
	handle, puts, err := o.newVersion(rec, n.typ, n.material, n.periods, now)
	if err != nil {
		return KeyInfo{}, err
	}
	if !n.expires.IsZero() {
		rec.versions[0].notAfter = n.expires
	}
	batch := store.Batch{Puts: append(puts, store.Put{ID: keyRecordID(n.name), Body: rec.append(nil)}), Deletes: n.forgotten}
	batch.Puts = append(batch.Puts, n.alongside...)
	var ownRec *ownerRecord
	if fresh {
		ownRec = &ownerRecord{created: now}
		batch.Puts = append(batch.Puts, store.Put{ID: ownerRecordID(own.name), Body: ownRec.append(nil)})
	}
	err = o.commit(ctx, batch)
	wipePuts(puts)
	if err != nil {
		handle.Wipe()
		if errors.Is(err, store.ErrConflict) {
			return KeyInfo{}, E(CodeKeyExists, "there is a key %s already", n.name)
		}
		return KeyInfo{}, storeError(err)
	}
	if fresh {
		o.ring.record(own, ownRec, 1)
	}
	k, err := newKey(n.name, own, rec, 1)
	if err != nil {
		return KeyInfo{}, err
	}
	k.put(1, handle)
	info := k.info(now)
	o.ring.add(k)
	born = true
	o.tell(k, KeyEvent{Kind: KeyCreated, Version: 1, At: now})
	return info, nil
}

// newVersion adds a version with the given material to rec, and returns its
// handle and the puts of its two records. The record itself is the caller's to put.
func (o *opened) newVersion(rec *keyRecord, typ *keytype.Type, material []byte, periods Periods, now time.Time) (keytype.Key, []store.Put, error) {
	if len(rec.versions) >= MaxVersions {
		return nil, nil, E(CodeQuotaExceeded, "a key has at most %d versions", MaxVersions).WithHint("create another key")
	}
	handle, err := typ.Parse(material)
	if err != nil {
		return nil, nil, fmt.Errorf("parse key material: %w", err)
	}
	ver := versionRecord{created: now, fingerprint: handle.Fingerprint()}
	if err := periods.begin(rec, &ver, now); err != nil {
		handle.Wipe()
		return nil, nil, err
	}
	rec.versions = append(rec.versions, ver)
	number := uint32(len(rec.versions))
	place := materialPlace{o.header.vaultID, rec.id, number, rec.typ}
	dek, sealed, err := sealMaterial(o.random, place, material, handle.Public())
	if err != nil {
		handle.Wipe()
		return nil, nil, err
	}
	return handle, []store.Put{
		{ID: dekRecordID(rec.id, number), Body: dek},
		{ID: materialRecordID(rec.id, number), Body: sealed},
	}, nil
}

// wipePuts overwrites the bodies of committed records that held a DEK.
func wipePuts(puts []store.Put) {
	for _, p := range puts {
		secret.Wipe(p.Body)
	}
}

// hold keeps the owner as it is while one of its keys is changed. Where the
// owner has no record yet the hold is exclusive, and fresh says that the
// caller's batch makes the record.
func (o *owner) hold() (release func(), fresh bool) {
	o.life.RLock()
	if o.rec != nil {
		return o.life.RUnlock, false
	}
	o.life.RUnlock()
	o.life.Lock()
	return o.life.Unlock, o.rec == nil
}

// RotateKey adds a generated version, which from now on protects new data;
// older versions still open theirs. Errors: key_not_found, revoked,
// owner_revoked, key_destroyed.
func (v *Vault) RotateKey(ctx context.Context, c RotateKey) (KeyInfo, error) {
	if _, err := checkTTL(c.TTL, c.NoExpiry); err != nil {
		return KeyInfo{}, err
	}
	if err := c.Periods.check(); err != nil {
		return KeyInfo{}, err
	}
	typ, err := v.mayRotate(c.Name)
	if err != nil {
		return KeyInfo{}, err
	}
	material, err := typ.Generate(v.o.Random)
	if err != nil {
		return KeyInfo{}, fmt.Errorf("generate a key of type %s: %w", typ.Name, err)
	}
	defer secret.Wipe(material)
	o, err := v.enter()
	if err != nil {
		return KeyInfo{}, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(c.Name)
	if err != nil {
		return KeyInfo{}, err
	}
	release, _ := k.owner.hold()
	defer release()
	k.write.Lock()
	defer k.write.Unlock()
	now := o.clock.stamp()
	if err := k.mayRotate(now); err != nil {
		return KeyInfo{}, err
	}
	rec := k.rec.clone()
	if c.TTL > 0 || c.NoExpiry {
		rec.ttl = c.TTL.Truncate(time.Microsecond)
	}
	if rec.rotation = rec.rotation.again(now); rec.rotation != nil {
		if err := checkRotation(rec.rotation.every, rec.ttl); err != nil {
			return KeyInfo{}, err
		}
	}
	handle, puts, err := o.newVersion(rec, typ, material, c.Periods, now)
	if err != nil {
		return KeyInfo{}, err
	}
	batch := store.Batch{Puts: append(puts, store.Put{ID: keyRecordID(k.name), Body: rec.append(nil), Expect: k.recVersion})}
	err = o.commit(ctx, batch)
	wipePuts(puts)
	if err != nil {
		handle.Wipe()
		return KeyInfo{}, storeError(err)
	}
	k.mu.Lock()
	k.rec, k.recVersion = rec, k.recVersion+1
	k.handles = append(k.handles, nil)
	k.put(uint32(len(rec.versions)), handle)
	k.mu.Unlock()
	o.tell(k, KeyEvent{Kind: KeyRotated, Version: uint32(len(rec.versions)), At: now})
	return k.info(now), nil
}

func (v *Vault) mayRotate(n Name) (*keytype.Type, error) {
	o, err := v.enter()
	if err != nil {
		return nil, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(n)
	if err != nil {
		return nil, err
	}
	return k.typ, k.mayRotate(o.clock.now())
}

// mayRotate refuses a revoked owner, and a key that is revoked or gone as a whole.
func (k *key) mayRotate(now time.Time) error {
	if k.owner.revoked.Load() {
		return ownerRevoked(k.owner.name)
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	if s := k.whole(now); !s.allows(opRotate) {
		return k.refusal(s, opRotate, uint32(len(k.rec.versions)), now)
	}
	return nil
}

// ShowKey tells everything about a key but its material. It works in every state.
func (v *Vault) ShowKey(_ context.Context, n Name) (KeyInfo, error) {
	o, err := v.enter()
	if err != nil {
		return KeyInfo{}, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(n)
	if err != nil {
		return KeyInfo{}, err
	}
	return k.info(o.clock.now()), nil
}

func ownerRevoked(owner string) error {
	return E(CodeOwnerRevoked, "owner %s is revoked", owner).WithHint("an administrator can reinstate it for new keys")
}

func typeNamed(name string) (*keytype.Type, error) {
	typ, ok := keytype.Lookup(name)
	if !ok {
		return nil, E(CodeUnsupportedAlgorithm, "there is no key type %q", clip(name)).WithHint("the types are %s", typeNames())
	}
	return typ, nil
}
