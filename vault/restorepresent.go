package vault

import (
	"bytes"
	"hash/maphash"
	"slices"

	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/store"
)

// present is what a vault that is about to be replaced by a backup of itself
// says must stay: what it revoked, destroyed, limits and forbids. It is read three
// times, so that no material of its keys is held: for what has ended, for the
// keys that the backup has otherwise, and for what belongs to those that stay.
type present struct {
	seq  uint64
	head *store.Record // how far the audit log is, which stays where it is

	owners map[string]store.Record // all of them
	tombs  map[string]store.Record // by key id
	ended  map[KeyID]*endedKey     // those of which something stays
	limits map[KeyID]uint64        // hash of what limits each other key that has limits, see limitsOf
	names  map[string]KeyID        // of those that ended
	kept   []store.Record          // grants, their uses, principals, exchanges

	seed      maphash.Seed
	resurrect bool
	// again reads the present vault once more.
	again func(visit func(store.Record) error) error
}

// wipe overwrites what exchanges under way hold.
func (p *present) wipe() {
	if p == nil {
		return
	}
	for _, rec := range p.kept {
		secret.Wipe(rec.Body)
	}
}

// keepNothing lets everything come back but what the audit log needs.
func (p *present) keepNothing() {
	p.wipe()
	*p = present{seq: p.seq, head: p.head, resurrect: true}
}

// readPresent reads what is in the directory. The errors are the store's.
func (r *restorer) readPresent() (*present, error) {
	p := &present{
		owners: make(map[string]store.Record), tombs: make(map[string]store.Record),
		ended: make(map[KeyID]*endedKey), limits: make(map[KeyID]uint64), names: make(map[string]KeyID), seed: maphash.MakeSeed(),
	}
	o := store.CheckOptions{Dir: r.o.Dir, VaultID: r.header.vaultID, RootKey: r.root.Bytes(), Log: r.o.Log, Visit: p.first}
	p.again = func(visit func(store.Record) error) error {
		o := o
		o.Visit = visit
		return asOwner(r.owner, func() error {
			_, err := store.ReadAll(o)
			return storeError(err)
		})
	}
	var err error
	p.seq, err = store.ReadAll(o)
	return p, err
}

// first takes what stands by itself, and finds which keys have ended.
func (p *present) first(rec store.Record) error {
	err := p.note(rec)
	if err == nil {
		return nil
	}
	if newer := newerRecord(rec); newer != nil {
		return newer
	}
	return err
}

func (p *present) note(rec store.Record) error {
	switch rec.Kind {
	case kindOwner, kindRevocation, kindAuditHead, kindExchange, kindGrant, kindGrantUse, kindPrincipal:
		rec.Body = bytes.Clone(rec.Body)
	}
	switch rec.Kind {
	case kindOwner:
		p.owners[rec.Path] = rec
	case kindRevocation:
		t, err := parseRevocationRecord(rec.Body)
		if err != nil {
			return err
		}
		p.tombs[rec.Path] = rec
		p.end(t.id).over = true
	case kindKey:
		k, err := parseKeyRecord(rec.Body)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(k.versions, func(v versionRecord) bool { return !v.destroyed.IsZero() }) {
			p.end(k.id).over = true
		} else if h := p.limitsOf(k); h != 0 {
			p.limits[k.id] = h
		}
	case kindAuditHead:
		p.head = &rec
	case kindExchange, kindGrant, kindGrantUse, kindPrincipal:
		p.kept = append(p.kept, rec)
	default:
		if _, known := recordFormats[rec.Kind]; !known {
			return errMalformed
		}
	}
	return nil
}

func (p *present) end(id KeyID) *endedKey {
	if p.ended[id] == nil {
		p.ended[id] = new(endedKey)
	}
	return p.ended[id]
}

// limitsOf is a hash of what limits the uses of a key and can change, 0 for none.
// Registered ciphertexts are a record of their own: what they say is never the same.
func (p *present) limitsOf(k *keyRecord) uint64 {
	if k.tracked {
		return 1
	}
	var b []byte
	if k.life != nil {
		b = appendExtras(b, k.life.extras())
	}
	for i := range k.versions {
		v := &k.versions[i]
		if v.notAfter.IsZero() && v.life == nil {
			continue
		}
		b = appendU32(b, uint32(i)) //nolint:gosec // bounded by MaxVersions
		b = appendTime(b, v.notAfter)
		b = appendExtras(b, v.extras())
	}
	if len(b) == 0 {
		return 0
	}
	return max(maphash.Bytes(p.seed, b), 2)
}

// compare notes how the backup has a key of which something may stay.
func (p *present) compare(rec store.Record) error {
	if p == nil || p.resurrect || rec.Kind != kindKey {
		return nil
	}
	k, err := parseKeyRecord(rec.Body)
	if err != nil {
		return err
	}
	e := p.ended[k.id]
	if e == nil {
		if h := p.limits[k.id]; h != 1 && h == p.limitsOf(k) {
			return nil
		}
		e = p.end(k.id)
	}
	e.theirs = k
	return nil
}

// settle decides what stays of each key, once all of the backup was seen.
func (p *present) settle() error {
	if p == nil || p.resurrect {
		return nil
	}
	p.limits = nil
	err := p.again(func(rec store.Record) error {
		if rec.Kind != kindKey {
			return nil
		}
		k, err := parseKeyRecord(rec.Body)
		if err != nil {
			return err
		}
		if e := p.ended[k.id]; e != nil {
			e.name, e.version, e.rec = rec.Path, rec.Version, k
		}
		return nil
	})
	if err != nil {
		return err
	}
	for id, e := range p.ended {
		switch {
		case !e.settle():
			delete(p.ended, id)
		case e.rec != nil:
			p.names[e.name] = id
		}
	}
	return nil
}
