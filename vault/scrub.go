package vault

import "context"

// Scrub rewrites the store under fresh keys, so that no bytes of destroyed
// material, nor any older value, are left in its files. docs/FORMAT.md says what
// flash memory, snapshots and backups may keep. It takes about a second for
// 100,000 records, during which everything else works. Errors: sealed,
// storage_full.
func (v *Vault) Scrub(ctx context.Context) (generation uint64, err error) {
	o, err := v.enter()
	if err != nil {
		return 0, err
	}
	// Not within the operation, as for DestroyKey.
	v.mu.RUnlock()
	if err := v.rewrite(ctx, o); err != nil {
		return 0, err
	}
	return o.store.Stats().Generation, nil
}
