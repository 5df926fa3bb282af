package vault

import (
	"bytes"
	"slices"

	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/store"
)

// present is what a vault that is about to be replaced by a backup of itself
// says must stay: what it revoked, destroyed and forbids.
type present struct {
	seq  uint64
	head *store.Record // how far the audit log is, which stays where it is

	owners map[string]store.Record // all of them
	tombs  map[string]store.Record // by key id
	ended  map[KeyID]*endedKey     // revoked, or with a version destroyed
	names  map[string]KeyID        // of those
	kept   []store.Record          // grants, their uses, principals, exchanges

	resurrect bool
}

// endedKey is a key that the present vault has ended, in whole or in part.
type endedKey struct {
	name    string
	version uint64 // of its record
	rec     *keyRecord
	parts   []store.Record // its material and data-encryption keys
	// older: the backup's key has versions that this one does not have, as after
	// a restore from an older backup. Then the backup's stays, with the ends of this.
	older        bool
	fingerprints [][32]byte // of the backup's versions, if older
}

// keepNothing lets everything come back but what the audit log needs.
func (p *present) keepNothing() {
	p.wipe()
	*p = present{seq: p.seq, head: p.head, resurrect: true}
}

func (p *present) wipe() {
	for _, k := range p.ended {
		for _, part := range k.parts {
			secret.Wipe(part.Body)
		}
	}
}

// readPresent reads what is in the directory. The errors are the store's.
func (r *restorer) readPresent() (*present, error) {
	p := &present{
		owners: make(map[string]store.Record), tombs: make(map[string]store.Record),
		ended: make(map[KeyID]*endedKey), names: make(map[string]KeyID),
	}
	o := store.CheckOptions{Dir: r.o.Dir, VaultID: r.header.vaultID, RootKey: r.root.Bytes(), Log: r.o.Log, Visit: p.first}
	var err error
	if p.seq, err = store.ReadAll(o); err != nil {
		return p, err
	}
	o.Visit = p.second
	_, err = store.ReadAll(o)
	return p, err
}

// first takes what stands by itself, and finds which keys have ended.
func (p *present) first(rec store.Record) error {
	rec.Body = bytes.Clone(rec.Body)
	switch rec.Kind {
	case kindOwner:
		p.owners[rec.Path] = rec
	case kindRevocation:
		t, err := parseRevocationRecord(rec.Body)
		if err != nil {
			return err
		}
		p.tombs[rec.Path] = rec
		p.end(t.id)
	case kindKey:
		k, err := parseKeyRecord(rec.Body)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(k.versions, func(v versionRecord) bool { return !v.destroyed.IsZero() }) {
			p.end(k.id)
		}
	case kindAuditHead:
		p.head = &rec
	case kindExchange, kindGrant, kindGrantUse, kindPrincipal:
		p.kept = append(p.kept, rec)
	default:
		secret.Wipe(rec.Body)
	}
	return nil
}

func (p *present) end(id KeyID) {
	if p.ended[id] == nil {
		p.ended[id] = new(endedKey)
	}
}

// second takes the keys that have ended, as they are now.
func (p *present) second(rec store.Record) error {
	switch rec.Kind {
	case kindKey:
		k, err := parseKeyRecord(rec.Body)
		if err != nil {
			return err
		}
		if e := p.ended[k.id]; e != nil {
			e.name, e.version, e.rec = rec.Path, rec.Version, k
			p.names[rec.Path] = k.id
		}
	case kindMaterial, kindDEK:
		if id, _, ok := parseVersionPath(rec.Path); ok && p.ended[id] != nil {
			rec.Body = bytes.Clone(rec.Body)
			p.ended[id].parts = append(p.ended[id].parts, rec)
		}
	}
	return nil
}

// compare looks at a key of the backup before anything is written: whether the
// present one, if it has ended, has all versions that the backup's has.
func (p *present) compare(rec store.Record) error {
	if p == nil || rec.Kind != kindKey {
		return nil
	}
	k, err := parseKeyRecord(rec.Body)
	if err != nil {
		return err
	}
	e := p.ended[k.id]
	if e == nil {
		return nil
	}
	for i, v := range k.versions {
		if e.rec == nil || i >= len(e.rec.versions) || e.rec.versions[i].fingerprint != v.fingerprint {
			e.older = true
		}
		e.fingerprints = append(e.fingerprints, v.fingerprint)
	}
	return nil
}
