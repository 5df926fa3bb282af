package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/store"
)

// recordCheck verifies what the vault's records say, once the store has
// authenticated them: that each can be read, that records which belong
// together agree, and that every live material opens.
type recordCheck struct {
	vaultID  [16]byte
	loader   *loader
	deks     map[string][]byte // bodies, by record path
	material map[string][]byte
	findings []Finding
	// fetch finds the body of another record; by default among those visited.
	fetch func(store.ID) ([]byte, bool)
}

func newRecordCheck(vaultID [16]byte) *recordCheck {
	c := &recordCheck{
		vaultID: vaultID, loader: newLoader(),
		deks: make(map[string][]byte), material: make(map[string][]byte),
	}
	c.fetch = func(id store.ID) (body []byte, ok bool) {
		if id.Kind == kindDEK {
			body, ok = c.deks[id.Path]
		} else {
			body, ok = c.material[id.Path]
		}
		return body, ok
	}
	return c
}

// find reports a record that no other copy can replace: both copies hold what
// was committed, so what was committed is wrong.
func (c *recordCheck) find(format string, args ...any) {
	c.findings = append(c.findings, Finding{
		File: "records", Offset: -1, What: fmt.Sprintf(format, args...), Severity: SeverityLoss,
	})
}

func (c *recordCheck) visit(rec store.Record) error {
	if err := c.loader.take(rec); err != nil {
		if newer := newerRecord(rec); newer != nil {
			return newer
		}
		c.find("record of kind %d, %q: %v", rec.Kind, rec.Path, err)
	}
	switch rec.Kind {
	case kindDEK:
		c.deks[rec.Path] = bytes.Clone(rec.Body)
	case kindMaterial:
		c.material[rec.Path] = bytes.Clone(rec.Body)
	}
	return nil
}

// finish compares the records with each other and returns what was found. It
// ends early when ctx does.
func (c *recordCheck) finish(ctx context.Context) []Finding {
	defer func() {
		for _, b := range c.deks {
			secret.Wipe(b)
		}
	}()
	ring := c.loader.ring
	for _, name := range slices.Sorted(maps.Keys(ring.owners)) {
		if ring.owners[name].rec == nil {
			c.find("owner %s has keys but no record", name)
		}
	}
	keys := slices.SortedFunc(slices.Values(c.loader.keys), func(a, b *key) int { return bytes.Compare(a.id[:], b.id[:]) })
	known := 0
	for i, k := range keys {
		if i > 0 && keys[i-1].id == k.id {
			c.find("keys %s and %s have one id, %s", keys[i-1].name, k.name, k.id)
		}
		c.tombstone(k, ring.tombs[k.id])
		for i := range k.rec.versions {
			if ctx.Err() != nil {
				return c.findings
			}
			if err := c.version(k, uint32(i+1)); err != nil {
				c.find("key %s (%s), version %d: %v", k.name, k.id, i+1, err)
			}
			known++
		}
	}
	if len(c.findings) > 0 {
		return c.findings
	}
	// Nothing is missing, so that there can only be too much.
	if len(c.deks) != known || len(c.material) != known {
		c.find("%d versions of keys have %d materials and %d data-encryption keys", known, len(c.material), len(c.deks))
	} else if err := c.loader.finish(); err != nil {
		c.find("%v", err)
	}
	return c.findings
}

// tombstone compares a revoked key with its tombstone, nil when it has none.
// A revoked key gets no new versions.
func (c *recordCheck) tombstone(k *key, t *revocationRecord) {
	if t == nil {
		return
	}
	same := t.name == k.name && slices.EqualFunc(t.fingerprints, k.rec.versions, func(f [32]byte, v versionRecord) bool {
		return f == v.fingerprint
	})
	if !same {
		c.find("key %s (%s): its tombstone is of other versions or another name", k.name, k.id)
	}
}

// version checks one version of a key against its two records.
func (c *recordCheck) version(k *key, number uint32) error {
	dekBody, ok := c.fetch(dekRecordID(k.id, number))
	if !ok {
		return errors.New("its data-encryption key is missing")
	}
	body, ok := c.fetch(materialRecordID(k.id, number))
	if !ok {
		return errors.New("its material is missing")
	}
	dek, err := parseDEKRecord(dekBody)
	if err != nil {
		return fmt.Errorf("data-encryption key: %w", err)
	}
	m, err := parseMaterialRecord(body)
	if err != nil {
		return fmt.Errorf("material: %w", err)
	}
	v := &k.rec.versions[number-1]
	if !v.destroyed.IsZero() {
		switch {
		case dek != nil || m.sealed != nil:
			return errors.New("it is destroyed, but its material is not")
		case len(m.spki) > 0 && sha256.Sum256(m.spki) != v.fingerprint:
			return errors.New("its public half has another fingerprint")
		}
		return nil
	}
	if dek == nil || m.sealed == nil {
		return errors.New("its material is destroyed, but it is not")
	}
	material, err := openMaterial(materialPlace{c.vaultID, k.id, number, k.typ.ID}, dek, m)
	if err != nil {
		return errors.New("its material does not open under its data-encryption key")
	}
	defer secret.Wipe(material)
	h, err := k.typ.Parse(material)
	if err != nil {
		return fmt.Errorf("its material is no key of type %s", k.typ.Name)
	}
	defer h.Wipe()
	if h.Fingerprint() != v.fingerprint {
		return errors.New("its material has another fingerprint")
	}
	if !bytes.Equal(h.Public(), m.spki) {
		return errors.New("its public half is of another key")
	}
	return nil
}
