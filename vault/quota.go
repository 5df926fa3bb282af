package vault

// SetKeysPerOwner bounds how many keys an owner may have, destroyed ones
// included: their records and names stay for good, and if they did not count,
// whoever makes and destroys keys in turn could fill the disk. 0 or less is no
// bound. Owners that have more keep them, and get no new ones.
func (v *Vault) SetKeysPerOwner(n int) { v.keysPerOwner.Store(int64(max(n, 0))) }

func tooManyKeys(owner string, limit int) error {
	return E(CodeQuotaExceeded, "owner %s has %d keys, which is the most", owner, limit).
		WithHint("destroyed keys count; rotate a key instead, or have an administrator raise [limits] keys_per_owner")
}

// expect sets a place aside for a new key of own, until add or give. It reports false when there is none.
func (r *keyring) expect(own *owner, limit int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if own.full(limit) {
		return false
	}
	own.unborn++
	return true
}

// give gives the place of a key back that did not come to be.
func (r *keyring) give(own *owner) {
	r.mu.Lock()
	defer r.mu.Unlock()
	own.unborn--
}

// full reports whether own has no place for another key.
func (r *keyring) full(own *owner, limit int) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return own.full(limit)
}

// full is the same for who holds the keyring's mu.
func (o *owner) full(limit int) bool {
	return limit > 0 && len(o.keys)+len(o.fresh)+o.unborn >= limit
}
