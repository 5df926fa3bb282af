package vault

import (
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/vaultd/vaultd/vault/store"
)

// loader builds the keyring from the one pass over all records that the store
// makes at unseal. Records come in no order.
type loader struct {
	ring      *keyring
	exchanges *exchanges
	kept      *kept
	auditHead auditHead
	backups   *backups
	tokens    map[string]map[uint32]place // by id of the key, and place

	keys                   []*key // for the maps, which are made when their size is known
	liveMaterial, liveDEKs int
}

func newLoader() *loader {
	return &loader{
		ring: newKeyring(), exchanges: newExchanges(), kept: newKept(), backups: new(backups),
		tokens: make(map[string]map[uint32]place),
	}
}

// visit takes one record. The store has authenticated it; what the vault
// cannot read in it is damage all the same.
func (l *loader) visit(rec store.Record) error {
	if err := l.take(rec); err != nil {
		if newer := newerRecord(rec); newer != nil {
			return newer
		}
		return &store.ErrCorrupt{Where: fmt.Sprintf("record of kind %d", rec.Kind), What: err.Error()}
	}
	return nil
}

// newerRecord is not nil for a record that can't be read since a newer program
// wrote it. It is authentic, so that its kind and format are not damage.
func newerRecord(rec store.Record) error {
	known, ok := recordFormats[rec.Kind]
	switch {
	case !ok:
		return newerFormat(fmt.Sprintf("it has records of kind %d, which this vaultd does not know", rec.Kind))
	case len(rec.Body) > 0 && rec.Body[0] > known:
		return newerFormat(newerText(fmt.Sprintf("a record of kind %d", rec.Kind), int(rec.Body[0]), int(known)))
	}
	return nil
}

func (l *loader) take(rec store.Record) error {
	switch rec.Kind {
	case kindKey:
		return l.key(rec)
	case kindMaterial, kindDEK:
		return l.material(rec)
	case kindOwner:
		o, err := parseOwnerRecord(rec.Body)
		if err != nil {
			return err
		}
		if !validOwner(rec.Path) {
			return errMalformed
		}
		own := l.ring.owner(rec.Path)
		own.rec, own.recVersion = o, rec.Version
		own.revoked.Store(o.revoked() != nil)
		l.ring.sorted = append(l.ring.sorted, rec.Path)
		return nil
	case kindRevocation:
		t, err := parseRevocationRecord(rec.Body)
		if err != nil {
			return err
		}
		if rec.Path != t.id.String() {
			return errMalformed
		}
		t.version = rec.Version
		l.ring.tombs[t.id] = t
		return nil
	case kindAuditHead:
		return l.auditHead.load(rec)
	case kindExchange:
		return l.exchanges.load(rec)
	case kindToken:
		return l.token(rec)
	case kindGrant, kindGrantUse, kindPrincipal:
		return l.kept.load(rec)
	case kindBackups, kindRestored:
		return l.backups.load(rec)
	}
	return fmt.Errorf("unknown kind: %w", errMalformed)
}

func (l *loader) key(rec store.Record) error {
	k, err := parseKeyRecord(rec.Body)
	if err != nil {
		return err
	}
	name, err := ParseName(rec.Path)
	if err != nil {
		return errMalformed
	}
	entry, err := newKey(name, l.ring.owner(name.owner), k, rec.Version)
	if err != nil {
		return err
	}
	l.keys = append(l.keys, entry)
	return nil
}

// material only counts: material is read at first use.
func (l *loader) material(rec store.Record) error {
	if len(rec.Body) < 2 || rec.Body[0] != recordFormat {
		return errMalformed
	}
	if rec.Body[1] == recordLive {
		if rec.Kind == kindDEK {
			l.liveDEKs++
		} else {
			l.liveMaterial++
		}
	}
	return nil
}

// index makes the keys findable by name and by id, side by side.
func (l *loader) index() error {
	var g errgroup.Group
	g.Go(func() error {
		l.ring.ids = make(map[KeyID]*key, len(l.keys))
		for _, k := range l.keys {
			l.ring.ids[k.id] = k
		}
		if len(l.ring.ids) != len(l.keys) {
			return &store.ErrCorrupt{Where: "keys", What: "two keys have one id"}
		}
		return nil
	})
	l.ring.all = l.keys
	l.ring.keys = make(map[Name]*key, len(l.keys))
	for _, k := range l.keys {
		l.ring.keys[k.name] = k
		k.owner.keys = append(k.owner.keys, k.name.key)
	}
	for _, o := range l.ring.owners {
		o.keys = slices.Clip(o.keys)
		slices.Sort(o.keys)
	}
	return g.Wait()
}

// finish sorts, joins tombstones to their keys, and checks that what belongs
// together is there.
func (l *loader) finish() error {
	if err := l.index(); err != nil {
		return err
	}
	versions := 0
	for _, k := range l.keys {
		k.revoked = l.ring.tombs[k.id]
		for i := range k.rec.versions {
			if k.rec.versions[i].destroyed.IsZero() {
				versions++
			}
		}
	}
	if versions != l.liveMaterial || versions != l.liveDEKs {
		return &store.ErrCorrupt{Where: "keys", What: fmt.Sprintf("%d live versions have %d sealed materials and %d data-encryption keys",
			versions, l.liveMaterial, l.liveDEKs)}
	}
	if err := l.track(); err != nil {
		return err
	}
	slices.Sort(l.ring.sorted)
	for _, o := range l.ring.owners {
		if o.rec == nil {
			return &store.ErrCorrupt{Where: "owners", What: "a key's owner has no record"}
		}
	}
	return nil
}
