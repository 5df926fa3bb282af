package vault

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

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
//   - a key that was revoked, of which a version was destroyed, or whose use was
//     limited since, with its tombstone, its registered ciphertexts and all its versions;
//   - an owner that was ever revoked;
//   - every grant, principal and exchange, and how far the audit log is: what was
//     taken away since the backup does not come back.
type merger struct {
	b       *store.Builder
	seq     uint64 // of what is not the backup's
	present *present
	owners  map[string]bool // that were written
	stayed  int
	now     time.Time
	doomed  []string // keys of the backup, some of those that end at the first unseal
	warn    func(format string, args ...any)
}

// maxDoomed is how many keys are named.
const maxDoomed = 10

// looksAhead notes a key that is written and of which something is destroyed as
// soon as the vault is unsealed.
func (m *merger) looksAhead(name string, k *keyRecord) {
	due := k.ending().due(m.now) && !k.allDestroyed()
	for i := range k.versions {
		v := &k.versions[i]
		due = due || v.destroyed.IsZero() && v.ending().due(m.now)
	}
	if due && len(m.doomed) <= maxDoomed {
		m.doomed = append(m.doomed, name)
	}
}

func (m *merger) take(rec store.Record, seq uint64) error {
	p := m.present
	switch rec.Kind {
	case kindBackups, kindRestored, kindAuditHead:
		return nil // of the history that ends here
	case kindKey:
		return m.key(rec, seq)
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
		return m.revocation(rec, seq)
	case kindAlias:
		// An ended key keeps its name.
		if _, ended := p.names[rec.Path]; ended {
			return nil
		}
	case kindMaterial, kindDEK, kindToken:
		id, n, ok := parseVersionPath(rec.Path)
		e := p.ended[id]
		switch {
		case !ok || e == nil || e.result == nil:
		case !e.older:
			return nil // the present ones are written in the end
		case rec.Kind == kindToken:
			return m.token(e, n, rec, seq)
		default:
			return m.part(e, n, rec, seq)
		}
	}
	return m.b.Put(rec, seq)
}

// put writes a record, and counts those that are not the backup's.
func (m *merger) put(rec store.Record, seq uint64) error {
	if seq == m.seq {
		m.stayed++
	}
	return m.b.Put(rec, seq)
}

func (m *merger) stay(rec store.Record) error { return m.put(rec, m.seq) }

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

// key takes the backup's key where the present one has not all of its versions.
func (m *merger) key(rec store.Record, seq uint64) error {
	k, err := parseKeyRecord(rec.Body)
	if err != nil {
		return err
	}
	// Two histories may each have made a key of one name. A name is of one.
	p := m.present
	if p == nil {
		p = new(present)
	}
	if other, taken := p.names[rec.Path]; taken && other != k.id {
		p.ended[other].displaced = true
		m.warn("%s is the backup's key of that name again; the other one, %s, which was ended or limited, is gone", rec.Path, other)
	}
	e := p.ended[k.id]
	if e == nil || e.result == nil {
		m.looksAhead(rec.Path, k)
		return m.b.Put(rec, seq)
	}
	if !e.older {
		return nil // the present one is written in the end
	}
	body := e.result.append(nil)
	if bytes.Equal(body, rec.Body) {
		return m.b.Put(rec, seq)
	}
	return m.stay(store.Record{ID: rec.ID, Version: rec.Version + 1, Body: body})
}

// part is material or a data-encryption key of a key that is written: it is
// destroyed where the key says so.
func (m *merger) part(e *endedKey, version uint32, rec store.Record, seq uint64) error {
	if !e.result.gone(version) || len(rec.Body) < 2 || rec.Body[1] != recordLive {
		return m.put(rec, seq)
	}
	out := store.Record{ID: rec.ID, Version: rec.Version + 1}
	if rec.Kind == kindDEK {
		out.Body = appendDEKRecord(nil, nil)
		return m.stay(out)
	}
	material, err := parseMaterialRecord(rec.Body)
	if err != nil {
		return err
	}
	gone := materialRecord{spki: material.spki}
	out.Body = gone.append(nil)
	return m.stay(out)
}

// token takes a registration of the backup, and remembers it: the present ones
// come beside it.
func (m *merger) token(e *endedKey, number uint32, rec store.Record, seq uint64) error {
	t, err := parseToken(rec.Body)
	if err != nil {
		return err
	}
	e.places = max(e.places, number+1)
	if t.version != 0 {
		if e.tokens == nil {
			e.tokens = make(map[token]bool)
		}
		e.tokens[t.token] = true
	}
	return m.b.Put(rec, seq)
}

// tokenToo adds a present registration to those of the backup, if it needs a
// version that both have.
func (m *merger) tokenToo(e *endedKey, id KeyID, rec store.Record) error {
	t, err := parseToken(rec.Body)
	if err != nil {
		return err
	}
	if t.version == 0 || int(t.version) > common(e.rec, e.result) || e.tokens[t.token] {
		return nil
	}
	if e.places >= maxPlaces {
		if !e.full {
			m.warn("registered ciphertexts of key %s are more than a key may have: not all could be kept", e.name)
		}
		e.full = true
		return nil
	}
	n := e.places
	e.places++
	return m.stay(store.Record{ID: tokenRecordID(id, n), Version: 1, Body: appendToken(nil, t)})
}

// finish writes what stays and was not in its place in the backup.
func (m *merger) finish() error {
	if n := len(m.doomed); n > 0 {
		names := strings.Join(m.doomed[:min(n, maxDoomed)], ", ")
		if n > maxDoomed {
			names += " and others"
		}
		m.warn("the time set for a destruction has come since the backup: destroyed at the first unseal are %s", names)
	}
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
	if len(p.ended) > 0 {
		if err := p.again(m.finishPart); err != nil {
			return err
		}
	}
	for _, rec := range p.tombs {
		if err := m.tomb(rec, m.seq); err != nil {
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

// stays reports whether the present key is what is written.
func (e *endedKey) stays() bool { return e != nil && e.result != nil && !e.older && !e.displaced }

func (m *merger) finishKey(e *endedKey) error {
	if !e.stays() {
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
	return m.stay(store.Record{ID: keyRecordID(name), Version: e.version, Body: e.result.append(nil)})
}

// finishPart writes what belongs to keys that stay.
func (m *merger) finishPart(rec store.Record) error {
	switch rec.Kind {
	case kindMaterial, kindDEK, kindToken:
	default:
		return nil
	}
	id, n, ok := parseVersionPath(rec.Path)
	if !ok {
		return nil
	}
	switch e := m.present.ended[id]; {
	case e.stays() && rec.Kind == kindToken:
		return m.stay(rec)
	case e.stays():
		return m.part(e, n, rec, m.seq)
	case e != nil && e.older && e.rec != nil && e.result.tracked && rec.Kind == kindToken:
		return m.tokenToo(e, id, rec)
	}
	return nil
}
