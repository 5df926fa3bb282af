package vault

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vaultd/vaultd/crypto/kdf"
	"github.com/vaultd/vaultd/internal/secret"
)

// shortPassword is where a warning begins.
const shortPassword = 8

// ChangePassword replaces the password and returns its number of iterations.
// Only the header is written; whatever interrupts that, exactly one of the two
// passwords opens the vault afterwards. The vault must be unsealed.
func (v *Vault) ChangePassword(ctx context.Context, old, new []byte, iterations int) (int, error) {
	v.admin.Lock()
	defer v.admin.Unlock()
	if !v.isOpen() {
		return 0, ErrSealed
	}
	if err := ctx.Err(); err != nil {
		return 0, E(CodeTimeout, "the request was given up before anything was changed").Because(err)
	}
	if _, err := checkNewPassword(new); err != nil {
		return 0, err
	}
	iterations, err := v.chooseIterations(iterations)
	if err != nil {
		return 0, err
	}
	// v.opened changes only under v.admin, which is held.
	o := v.opened
	root, err := v.rootKey(o.header, old)
	if err != nil {
		return 0, err
	}
	defer root.Wipe()
	s, err := newPasswordSlot(v.o.Random, o.header.vaultID, passwordSlot, new, root.Bytes(), iterations)
	if err != nil {
		return 0, err
	}
	h := o.header.clone()
	h.epoch++
	*h.slot(passwordSlot) = s
	if _, err := h.seal(root.Bytes()); err != nil {
		return 0, err
	}
	writeErr := v.files.replace(h.encoded)
	if writeErr != nil && !v.files.inForce(h.encoded) {
		return 0, E(CodeStoreFailed, "the header could not be written; the old password stays").Because(writeErr)
	}
	v.mu.Lock()
	o.header = h
	v.mu.Unlock()
	v.wroteHeader()
	if writeErr != nil {
		return 0, E(CodeStoreFailed, "the new password is in force, but a power cut could still undo it").
			WithHint("look at the disk, then change the password again").Because(writeErr)
	}
	if err := o.store.SetHeader(h.hash(), h.epoch); err != nil {
		return 0, E(CodeStoreFailed, "the new password is in force, but the anchor could not be written").
			WithHint("until it is, a copy of the old header would not be noticed; seal and unseal").Because(err)
	}
	v.log.Info("password changed", "kdf_iterations", iterations, "header_epoch", h.epoch)
	return iterations, nil
}

// checkNewPassword refuses what cannot be a password and warns of a short one.
func checkNewPassword(password []byte) (warnings []string, err error) {
	switch {
	case len(password) == 0:
		return nil, E(CodeBadArgument, "the password is empty")
	case len(password) > maxPasswordLen:
		return nil, E(CodeBadArgument, "the password is longer than %d bytes", maxPasswordLen)
	case len(password) < shortPassword:
		return []string{fmt.Sprintf("the password has fewer than %d characters", shortPassword)}, nil
	}
	return nil, nil
}

// unwrap opens the first slot that the password fits. It returns errSlotSecret
// when it fits none.
func (h *header) unwrap(password []byte) (*secret.Bytes, error) {
	err := errSlotSecret
	for i := range h.slots {
		root, slotErr := h.slots[i].unwrap(h.vaultID, password)
		if slotErr == nil {
			return root, nil
		}
		if !errors.Is(slotErr, errSlotSecret) {
			err = slotErr
		}
	}
	return nil, err
}

// chooseIterations checks an asked number of PBKDF2 iterations, or measures
// how many this machine can bear when none is asked.
func (v *Vault) chooseIterations(asked int) (int, error) {
	switch {
	case asked == 0:
		return kdf.Calibrate(v.o.KDFTime, time.Now), nil
	case asked < kdf.MinIterations || asked > kdf.MaxIterations:
		return 0, E(CodeBadArgument, "PBKDF2 takes %d to %d iterations, not %d", kdf.MinIterations, kdf.MaxIterations, asked)
	}
	return asked, nil
}
