package vault

import (
	"bytes"
	"context"
)

// PublicKey returns the public half of a version, 0 for the newest. It works
// in every state, so that old signatures can be judged. Errors:
// key_not_found, version_not_found, wrong_key_usage for a symmetric key.
func (v *Vault) PublicKey(_ context.Context, n Name, version uint32) (PublicKey, error) {
	o, err := v.enter()
	if err != nil {
		return PublicKey{}, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(n)
	if err != nil {
		return PublicKey{}, err
	}
	if !k.typ.Asymmetric() {
		return PublicKey{}, E(CodeWrongKeyUsage, "key %s is symmetric: it has no public half", n)
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	if version == 0 {
		version = uint32(len(k.rec.versions))
	}
	if version > uint32(len(k.rec.versions)) {
		return PublicKey{}, E(CodeVersionNotFound, "key %s has no version %d", n, version)
	}
	p := PublicKey{Version: version, Fingerprint: k.rec.versions[version-1].fingerprint, Type: k.typ.Name, Uses: k.rec.uses}
	if h := k.handles[version-1]; h != nil {
		p.SPKI = bytes.Clone(h.Public())
		return p, nil
	}
	m, err := o.materialRecord(k, version)
	if err != nil {
		return PublicKey{}, err
	}
	p.SPKI = m.spki
	return p, nil
}
