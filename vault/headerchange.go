package vault

import (
	"context"
	"errors"

	"github.com/vaultd/vaultd/internal/secret"
)

// changing begins a replacement of the header: it refuses what cannot be replaced now.
// The caller holds v.admin.
func (v *Vault) changing(ctx context.Context) (*opened, error) {
	if !v.isOpen() {
		return nil, ErrSealed
	}
	if err := ctx.Err(); err != nil {
		return nil, E(CodeTimeout, "the request was given up before anything was changed").Because(err)
	}
	return v.opened, nil // changes only under v.admin
}

// replaceHeader puts h in force instead of the header that it was cloned from. Whatever
// interrupts that, exactly one of the two is in force afterwards. What names the change in
// errors, such as "the new password". The caller holds v.admin.
func (v *Vault) replaceHeader(o *opened, h *header, root *secret.Bytes, what string) error {
	h.epoch++
	if _, err := h.seal(root.Bytes()); errors.Is(err, errHeaderLong) {
		return E(CodeTooLarge, "there is no room left for this in the vault's header").WithHint("remove key slots that nobody needs")
	} else if err != nil {
		return err
	}
	writeErr := v.files.replace(h.encoded)
	if writeErr != nil && !v.files.inForce(h.encoded) {
		return E(CodeStoreFailed, "the header could not be written; everything stays as it was").Because(writeErr)
	}
	v.mu.Lock()
	o.header = h
	v.mu.Unlock()
	v.wroteHeader()
	if writeErr != nil {
		return E(CodeStoreFailed, "%s is in force, but a power cut could still undo it", what).
			WithHint("look at the disk, then do it again").Because(writeErr)
	}
	if err := o.store.SetHeader(h.hash(), h.epoch); err != nil {
		return E(CodeStoreFailed, "%s is in force, but the anchor could not be written", what).
			WithHint("until it is, a copy of the old header would not be noticed; seal and unseal").Because(err)
	}
	return nil
}
