package vault

import "github.com/vaultd/vaultd/crypto/keytype"

// Fingerprint is that of a version of a key as users see it, "SHA256:…", and
// empty where there is no such version or the vault is sealed. It is for the
// record of a use, and costs little more than finding the key: a version that
// was used has it ready.
func (v *Vault) Fingerprint(owner, name string, version uint32) string {
	o, err := v.enter()
	if err != nil {
		return ""
	}
	defer v.mu.RUnlock()
	k := o.ring.named(Name{owner, name})
	if k == nil {
		return ""
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	if version == 0 || version > uint32(len(k.rec.versions)) {
		return ""
	}
	if i := int(version - 1); i < len(k.prints) && k.prints[i] != "" {
		return k.prints[i]
	}
	return keytype.FormatFingerprint(k.rec.versions[version-1].fingerprint)
}
