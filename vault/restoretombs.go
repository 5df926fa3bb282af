package vault

import (
	"slices"

	"github.com/vaultd/vaultd/vault/store"
)

// revocation takes a tombstone of the backup, unless the present vault has one:
// then it is written in the end, and says the worse of what both know.
func (m *merger) revocation(rec store.Record, seq uint64) error {
	now, known := m.present.tombs[rec.Path]
	if !known {
		return m.tomb(rec, seq)
	}
	t, err := parseRevocationRecord(rec.Body)
	if err != nil {
		return err
	}
	own, err := parseRevocationRecord(now.Body)
	if err != nil {
		return err
	}
	if t.code != ReasonKeyCompromise || own.code == ReasonKeyCompromise && !t.compromised.Before(own.compromised) {
		return nil
	}
	own.by, own.reason, own.code, own.compromised = t.by, t.reason, t.code, t.compromised
	now.Version, now.Body = now.Version+1, own.append(nil)
	m.present.tombs[rec.Path] = now
	return nil
}

// tomb writes a tombstone. It names the versions that the key has in the end.
func (m *merger) tomb(rec store.Record, seq uint64) error {
	t, err := parseRevocationRecord(rec.Body)
	if err != nil {
		return err
	}
	e := m.present.ended[t.id]
	if e == nil || e.result == nil || e.displaced {
		return m.put(rec, seq)
	}
	fingerprints := make([][32]byte, len(e.result.versions))
	for i := range fingerprints {
		fingerprints[i] = e.result.versions[i].fingerprint
	}
	if slices.Equal(fingerprints, t.fingerprints) {
		return m.put(rec, seq)
	}
	t.fingerprints = fingerprints
	return m.stay(store.Record{ID: rec.ID, Version: rec.Version + 1, Body: t.append(nil)})
}
