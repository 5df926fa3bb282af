package vault

import (
	"fmt"

	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/store"
)

// acquire returns the handle of one version, 0 for the newest, and its number.
// On success the caller holds k.mu shared, so that nothing can wipe the handle,
// and releases it. It refuses a version whose state does not permit op, and a
// key that may not be used for need.
func (o *opened) acquire(k *key, number uint32, op operation, need keytype.Use) (keytype.Key, uint32, error) {
	if k.owner.revoked.Load() {
		return nil, 0, ownerRevoked(k.owner.name)
	}
	k.mu.RLock()
	for {
		if err := o.permit(k, &number, op, need); err != nil {
			k.mu.RUnlock()
			return nil, 0, err
		}
		if h := k.handles[number-1]; h != nil {
			return h, number, nil
		}
		// Loading needs k.mu exclusively; everything is looked at again after it.
		k.mu.RUnlock()
		if err := o.load(k, number); err != nil {
			return nil, 0, err
		}
		k.mu.RLock()
	}
}

// permit decides whether a version may be used, and puts a number for 0. The
// caller holds k.mu.
func (o *opened) permit(k *key, number *uint32, op operation, need keytype.Use) error {
	newest := uint32(len(k.rec.versions))
	if *number == 0 {
		*number = newest
	}
	switch {
	case k.rec.uses&need != need:
		return E(CodeWrongKeyUsage, "key %s is not made to %s", k.name, useNames(need&^k.rec.uses))
	case *number > newest:
		return E(CodeVersionNotFound, "key %s has no version %d", k.name, *number)
	}
	if s := k.state(*number, o.clock.now()); allowed[s]&op == 0 {
		return s.permits(op, k.describe(*number))
	}
	return nil
}

// describe names a version for a message. The caller holds k.mu.
func (k *key) describe(number uint32) string {
	if len(k.rec.versions) == 1 || k.revoked != nil {
		return "key " + k.name.String()
	}
	return fmt.Sprintf("version %d of key %s", number, k.name)
}

// load reads the material of one version from the store and makes it ready.
// It does nothing for a version that is loaded already or destroyed, nor for a
// revoked key.
func (o *opened) load(k *key, number uint32) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	v := &k.rec.versions[number-1]
	if k.handles[number-1] != nil || !v.destroyed.IsZero() || k.revoked != nil {
		return nil
	}
	material, err := o.readMaterial(k, number)
	if err != nil {
		return err
	}
	defer secret.Wipe(material)
	h, err := k.typ.Parse(material)
	if err != nil {
		return k.damaged(number, err)
	}
	if h.Fingerprint() != v.fingerprint {
		h.Wipe()
		return k.damaged(number, fmt.Errorf("the fingerprint differs"))
	}
	k.put(number, h)
	return nil
}

// readMaterial returns private material from the store, which the caller wipes.
func (o *opened) readMaterial(k *key, number uint32) ([]byte, error) {
	dekRec, err := o.store.Get(dekRecordID(k.id, number))
	if err != nil {
		return nil, k.damaged(number, err)
	}
	defer secret.Wipe(dekRec.Body)
	dek, err := parseDEKRecord(dekRec.Body)
	if err == nil && dek == nil {
		err = errMalformed
	}
	if err != nil {
		return nil, k.damaged(number, err)
	}
	m, err := o.materialRecord(k, number)
	if err != nil {
		return nil, err
	}
	if m.sealed == nil {
		return nil, k.damaged(number, errMalformed)
	}
	material, err := openMaterial(materialPlace{o.header.vaultID, k.id, number, k.typ.ID}, dek, m)
	if err != nil {
		return nil, k.damaged(number, err)
	}
	return material, nil
}

// materialRecord reads the record that holds the sealed material and the public half.
func (o *opened) materialRecord(k *key, number uint32) (*materialRecord, error) {
	rec, err := o.store.Get(materialRecordID(k.id, number))
	if err != nil {
		return nil, k.damaged(number, err)
	}
	m, err := parseMaterialRecord(rec.Body)
	if err != nil {
		return nil, k.damaged(number, err)
	}
	return m, nil
}

// damaged reports material that cannot be read although the store is whole.
func (k *key) damaged(number uint32, err error) error {
	return storeError(&store.ErrCorrupt{
		Where: fmt.Sprintf("key %s, version %d", k.id, number), What: err.Error(),
	})
}
