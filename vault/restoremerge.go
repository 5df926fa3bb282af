package vault

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"github.com/vaultd/vaultd/vault/store"
)

// parseVersionPath is the inverse of versionPath.
func parseVersionPath(path string) (id KeyID, version uint32, ok bool) {
	head, tail, found := strings.Cut(path, "/")
	b, err := hex.DecodeString(head)
	n, nerr := strconv.ParseUint(tail, 10, 32)
	if !found || err != nil || nerr != nil || len(b) != len(id) {
		return id, 0, false
	}
	return KeyID(b), uint32(n), true
}

// merger writes the records of a backup into a new vault, but for those that
// stay as the present vault has them:
//
//   - a key that was revoked, or of which a version was destroyed, with its
//     tombstone and all its versions;
//   - an owner that was ever revoked;
//   - every grant, principal and exchange, and how far the audit log is: what was
//     taken away since the backup does not come back.
type merger struct {
	b       *store.Builder
	seq     uint64 // of what is not the backup's
	present *present
	owners  map[string]bool // that were written
	stayed  int
}

func (m *merger) take(rec store.Record, seq uint64) error {
	p := m.present
	switch rec.Kind {
	case kindBackups, kindRestored, kindAuditHead:
		return nil // of the history that ends here
	case kindOwner:
		if m.owners == nil {
			m.owners = make(map[string]bool)
		}
		m.owners[rec.Path] = true
	}
	if p == nil || p.resurrect {
		return m.b.Put(rec, seq)
	}
	switch rec.Kind {
	case kindExchange, kindGrant, kindGrantUse, kindPrincipal:
		return nil
	case kindOwner:
		return m.owner(rec, seq)
	case kindRevocation:
		if _, known := p.tombs[rec.Path]; known {
			return nil
		}
	case kindAlias:
		// An ended key keeps its name.
		if _, ended := p.names[rec.Path]; ended {
			return nil
		}
	case kindKey:
		if id, ended := p.names[rec.Path]; ended {
			return m.key(p.ended[id], rec, seq)
		}
	case kindMaterial, kindDEK:
		id, n, ok := parseVersionPath(rec.Path)
		if e := p.ended[id]; ok && e != nil && e.rec != nil {
			return m.part(e, n, rec, seq)
		}
	}
	return m.b.Put(rec, seq)
}

func (m *merger) stay(rec store.Record) error {
	m.stayed++
	return m.b.Put(rec, m.seq)
}

// owner takes the present record of an owner that was ever revoked.
func (m *merger) owner(rec store.Record, seq uint64) error {
	now, known := m.present.owners[rec.Path]
	if !known {
		return m.b.Put(rec, seq)
	}
	o, err := parseOwnerRecord(now.Body)
	if err != nil {
		return err
	}
	if len(o.revocations) == 0 {
		return m.b.Put(rec, seq)
	}
	return m.stay(now)
}

// key marks the versions of a key of the backup that the present vault destroyed.
func (m *merger) key(e *endedKey, rec store.Record, seq uint64) error {
	if !e.older {
		return nil // the present one is written in the end
	}
	k, err := parseKeyRecord(rec.Body)
	if err != nil {
		return err
	}
	changed := false
	for i := range k.versions {
		v := &k.versions[i]
		if !e.destroyed(uint32(i+1)) || !v.destroyed.IsZero() {
			continue
		}
		was := e.rec.versions[i]
		v.destroyed, v.cause, changed = was.destroyed, was.cause, true
	}
	if !changed {
		return m.b.Put(rec, seq)
	}
	k.destroyedBy, k.destroyReason = e.rec.destroyedBy, e.rec.destroyReason
	m.stayed++
	return m.b.Put(store.Record{ID: rec.ID, Version: rec.Version + 1, Body: k.append(nil)}, m.seq)
}

// destroyed reports whether the present vault destroyed the version.
func (e *endedKey) destroyed(version uint32) bool {
	return int(version) <= len(e.rec.versions) && version > 0 && !e.rec.versions[version-1].destroyed.IsZero()
}

// part is key for material and data-encryption keys.
func (m *merger) part(e *endedKey, version uint32, rec store.Record, seq uint64) error {
	switch {
	case !e.older:
		return nil
	case !e.destroyed(version) || len(rec.Body) < 2 || rec.Body[1] != recordLive:
		return m.b.Put(rec, seq)
	}
	m.stayed++
	out := store.Record{ID: rec.ID, Version: rec.Version + 1}
	if rec.Kind == kindDEK {
		out.Body = appendDEKRecord(nil, nil)
		return m.b.Put(out, m.seq)
	}
	material, err := parseMaterialRecord(rec.Body)
	if err != nil {
		return err
	}
	gone := materialRecord{spki: material.spki}
	out.Body = gone.append(nil)
	return m.b.Put(out, m.seq)
}

// finish writes what stays and was not in its place in the backup.
func (m *merger) finish() error {
	p := m.present
	if p == nil {
		return nil
	}
	if p.head != nil {
		if err := m.stay(*p.head); err != nil {
			return err
		}
	}
	for _, rec := range p.kept {
		if err := m.stay(rec); err != nil {
			return err
		}
	}
	for _, e := range p.ended {
		if err := m.finishKey(e); err != nil {
			return err
		}
	}
	for _, rec := range p.tombs {
		if err := m.tomb(rec); err != nil {
			return err
		}
	}
	for name, rec := range p.owners {
		o, err := parseOwnerRecord(rec.Body)
		if err != nil {
			return err
		}
		if m.owners[name] || len(o.revocations) == 0 {
			continue
		}
		if err := m.addOwner(name); err != nil {
			return err
		}
	}
	return nil
}

func (m *merger) addOwner(name string) error {
	if m.owners == nil {
		m.owners = make(map[string]bool)
	}
	if m.owners[name] {
		return nil
	}
	m.owners[name] = true
	return m.stay(m.present.owners[name])
}

func (m *merger) finishKey(e *endedKey) error {
	if e.rec == nil || e.older {
		return nil
	}
	owner, _, _ := strings.Cut(e.name, "/")
	if err := m.addOwner(owner); err != nil {
		return err
	}
	name, err := ParseName(e.name)
	if err != nil {
		return err
	}
	if err := m.stay(store.Record{ID: keyRecordID(name), Version: e.version, Body: e.rec.append(nil)}); err != nil {
		return err
	}
	for _, part := range e.parts {
		if err := m.stay(part); err != nil {
			return err
		}
	}
	return nil
}

// tomb writes a tombstone. Where the backup's key has other versions, it names those too.
func (m *merger) tomb(rec store.Record) error {
	t, err := parseRevocationRecord(rec.Body)
	if err != nil {
		return err
	}
	e := m.present.ended[t.id]
	if e == nil || !e.older || slices.Equal(e.fingerprints, t.fingerprints) {
		return m.stay(rec)
	}
	t.fingerprints = e.fingerprints
	return m.stay(store.Record{ID: rec.ID, Version: rec.Version + 1, Body: t.append(nil)})
}
