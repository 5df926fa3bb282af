package vault

import (
	"context"
	"fmt"
	"time"

	"github.com/vaultd/vaultd/crypto/kdf"
)

// shortPassword is where a warning begins.
const shortPassword = 8

// ChangePassword replaces the password old, in the slot that it opens, and returns its
// number of iterations. See ChangeSlotPassword.
func (v *Vault) ChangePassword(ctx context.Context, old, new []byte, iterations int) (int, error) {
	info, err := v.ChangeSlotPassword(ctx, SlotSecret{Kind: SlotPassword, Secret: old}, "", new, iterations)
	return info.Iterations, err
}

// ChangeSlotPassword replaces the password of the slot that ref names, or, for none, of the
// one that by opens. It returns the slot as it is then. Only the header is written;
// whatever interrupts that, exactly one of the two passwords opens the vault
// afterwards. The vault must be unsealed.
func (v *Vault) ChangeSlotPassword(ctx context.Context, by SlotSecret, ref string, new []byte, iterations int) (SlotInfo, error) {
	v.admin.Lock()
	defer v.admin.Unlock()
	o, err := v.changing(ctx)
	if err != nil {
		return SlotInfo{}, err
	}
	s := slot{kind: SlotPassword, kdf: kdfPBKDF2SHA256}
	if err := v.prepare(&s, new, iterations); err != nil {
		return SlotInfo{}, err
	}
	var target *slot
	if ref != "" {
		if target, err = o.header.find(ref); err != nil {
			return SlotInfo{}, err
		}
	}
	root, with, err := v.rootKey(o.header, by)
	if err != nil {
		return SlotInfo{}, err
	}
	defer root.Wipe()
	if target == nil {
		target = with
	}
	if target.kind != SlotPassword {
		return SlotInfo{}, E(CodeBadArgument, "the key slot %s has no password", target.label()).WithHint("name the slot whose password it is to be")
	}
	s.id, s.name, s.params = target.id, target.name, target.params
	if !target.plain() {
		s.created = o.clock.stamp()
	}
	if err := s.wrap(v.o.Random, o.header.vaultID, new, root.Bytes()); err != nil {
		return SlotInfo{}, err
	}
	h := o.header.clone()
	*h.slot(s.id) = s
	if err := v.replaceHeader(o, h, root, "the new password"); err != nil {
		return SlotInfo{}, err
	}
	v.log.Info("password changed", "slot", s.label(), "kdf_iterations", s.iterations, "header_epoch", h.epoch)
	return s.info(), nil
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
