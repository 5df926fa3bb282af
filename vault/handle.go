package vault

import (
	"fmt"

	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/store"
)

// acquire returns the handle of one version, 0 for the current one, and its
// number. On success the caller holds k.mu shared, so that nothing can wipe the
// handle, and releases it. It refuses a version whose state does not permit op,
// and a key that may not be used for need.
func (o *opened) acquire(k *key, number uint32, op operation, need keytype.Use) (keytype.Key, uint32, error) {
	return o.acquireFor(k, number, op, need, nil)
}

// acquireFor is acquire for data of which the caller states when it was
// protected; nil is no statement.
func (o *opened) acquireFor(k *key, number uint32, op operation, need keytype.Use, st *Statement) (keytype.Key, uint32, error) {
	h, number, err := o.reach(k, number, op, need, st)
	if err != nil {
		o.reportAttempt(k, number, need, err)
	}
	return h, number, err
}

// reach is acquireFor without the report of attempts on a key whose destruction is set.
func (o *opened) reach(k *key, number uint32, op operation, need keytype.Use, st *Statement) (keytype.Key, uint32, error) {
	if k.owner.revoked.Load() {
		return nil, 0, ownerRevoked(k.owner.name)
	}
	k.mu.RLock()
	for {
		if err := o.permit(k, &number, op, need, st); err != nil {
			k.mu.RUnlock()
			return nil, number, err
		}
		if h := k.handles[number-1]; h != nil {
			return h, number, nil
		}
		// Loading needs k.mu exclusively; everything is looked at again after it.
		k.mu.RUnlock()
		if err := o.load(k, number, st); err != nil {
			return nil, number, err
		}
		k.mu.RLock()
	}
}

// permit decides whether a version may be used, and puts a number for 0. The
// caller holds k.mu.
func (o *opened) permit(k *key, number *uint32, op operation, need keytype.Use, st *Statement) error {
	now := o.clock.now()
	if *number == 0 {
		*number = k.current(now)
	}
	switch {
	case k.rec.uses&need != need:
		return E(CodeWrongKeyUsage, "key %s is not made to %s", k.name, useNames(need&^k.rec.uses))
	case *number > uint32(len(k.rec.versions)):
		return E(CodeVersionNotFound, "key %s has no version %d", k.name, *number)
	}
	s := k.alone(*number, now)
	if s.allows(op) || op == opProcess && st != nil && k.accepts(st, s, *number) {
		return nil
	}
	return k.refusal(s, op, *number, now)
}

// load reads the material of one version from the store and makes it ready.
// It does nothing for a version that is loaded already or destroyed, nor for a
// revoked key unless a statement is to be looked at. Where only the public half
// is left, or is to be left, only that is made ready.
func (o *opened) load(k *key, number uint32, st *Statement) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	v := &k.rec.versions[number-1]
	if k.handles[number-1] != nil || k.revoked != nil && st == nil {
		return nil
	}
	if k.privateGone(number, o.clock.now()) && k.typ.ParsePublic != nil {
		return o.loadPublic(k, number)
	}
	if !v.destroyed.IsZero() {
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

// publicHandle is the public half of a version in the place of its key, which it outlives.
type publicHandle struct{ keytype.Verifier }

func (publicHandle) Wipe() {}

// loadPublic makes the public half ready. The caller holds k.mu exclusively.
func (o *opened) loadPublic(k *key, number uint32) error {
	m, err := o.materialRecord(k, number)
	if err != nil {
		return err
	}
	public, err := k.typ.ParsePublic(m.spki)
	if err != nil {
		return k.damaged(number, err)
	}
	verifier, ok := public.(keytype.Verifier)
	if !ok || verifier.Fingerprint() != k.rec.versions[number-1].fingerprint {
		return k.damaged(number, fmt.Errorf("its public half is of another key"))
	}
	k.put(number, publicHandle{verifier})
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
