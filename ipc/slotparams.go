package ipc

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vaultd/vaultd/crypto/shares"
	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/internal/tpm"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
)

// complete checks what a new slot of its kind needs, and makes what the daemon makes: the
// secret of a TPM slot, which nobody else ever has. The caller wipes when the slot is made.
func (s *service) complete(slot *vault.NewSlot, binding *vaultdv1.TPMBinding) (wipe func(), err error) {
	wipe = func() {}
	switch {
	case slot.Kind == vault.SlotTPM:
		return s.sealToTPM(slot, binding)
	case binding != nil:
		return nil, fault.E(fault.CodeBadArgument, "only a TPM slot is bound to PCRs or a PIN")
	case slot.Kind == vault.SlotShares:
		if _, err := shares.ParseSet(slot.Params); err != nil {
			return nil, fault.E(fault.CodeBadArgument, "the parameters of a key slot for shares describe its shares; these do not")
		}
	case len(slot.Params) > 0:
		return nil, fault.E(fault.CodeBadArgument, "a key slot of kind %s has no parameters", slot.Kind)
	}
	return wipe, nil
}

func (s *service) sealToTPM(slot *vault.NewSlot, binding *vaultdv1.TPMBinding) (wipe func(), err error) {
	if len(slot.Secret) > 0 || len(slot.Params) > 0 {
		return nil, fault.E(fault.CodeBadArgument, "the daemon makes secret and parameters of a TPM slot; give none")
	}
	o := tpm.Options{PIN: binding.GetPin()}
	for _, p := range binding.GetPcrs() {
		o.PCRs = append(o.PCRs, int(min(p, 1<<10))) // a number that is refused either way
	}
	made, err := secret.Read(rand.Reader, tpm.SecretLen)
	if err != nil {
		return nil, fmt.Errorf("make a secret: %w", err)
	}
	if s.tpm == "" {
		err = tpm.ErrNone
	} else {
		slot.Params, err = tpm.Seal(s.tpm, made.Bytes(), o)
	}
	if err != nil {
		made.Wipe()
		return nil, tpmFault(err, "")
	}
	slot.Secret = made.Bytes()
	return made.Wipe, nil
}

// released puts the secret that the TPM releases in the place of the PIN, which is all that a
// caller knows of a TPM slot. Secrets of other slots stay as they are.
func (s *service) released(with vault.SlotSecret) (_ vault.SlotSecret, wipe func(), err error) {
	list, err := s.tpmSlots(with)
	if err != nil || len(list) == 0 {
		return with, func() {}, err
	}
	for _, slot := range list {
		var opened *secret.Bytes
		if s.tpm == "" {
			err = tpm.ErrNone
		} else {
			opened, err = tpm.Unseal(s.tpm, slot.Params, with.Secret)
		}
		if err == nil {
			return vault.SlotSecret{Kind: vault.SlotTPM, Slot: strconv.FormatUint(uint64(slot.ID), 10), Secret: opened.Bytes()}, opened.Wipe, nil
		}
		err = tpmFault(err, slot.Name)
	}
	return with, nil, err
}

// tpmSlots are the TPM slots that with is about: the one that it names, or all when it asks for
// the kind. Those that take a PIN come last, so that none is spent where none is needed.
func (s *service) tpmSlots(with vault.SlotSecret) ([]vault.SlotInfo, error) {
	if with.Kind != vault.SlotTPM && (with.Kind != 0 || with.Slot == "") {
		return nil, nil
	}
	all, err := s.vault.Slots()
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(all, func(i vault.SlotInfo) bool {
		return i.Kind != vault.SlotTPM || (with.Slot != "" && with.Slot != i.Name && with.Slot != strconv.FormatUint(uint64(i.ID), 10))
	})
	slices.SortStableFunc(list, func(a, b vault.SlotInfo) int {
		_, x := detailOf(a)
		_, y := detailOf(b)
		switch {
		case x == y:
			return 0
		case y:
			return -1
		}
		return 1
	})
	return list, nil
}

// slotSecretOfPerson is slotSecret for what an unsealed vault does only for somebody who has a
// secret of it. That the TPM releases one shows who asks no more than that they asked.
func (s *service) slotSecretOfPerson(password []byte, with *vaultdv1.SlotSecret) (vault.SlotSecret, error) {
	secret, err := slotSecret(password, with)
	if err != nil {
		return vault.SlotSecret{}, err
	}
	list, err := s.tpmSlots(secret)
	if err == nil && (len(list) > 0 || secret.Kind == vault.SlotTPM) {
		err = fault.E(fault.CodeBadArgument, "key slots are not changed by a TPM slot: the TPM gives its secret to whoever asks the daemon").
			WithHint("use the secret of a slot that somebody has, such as a password")
	}
	return secret, err
}

// detailOf says for people what the parameters of a slot hold, and whether the TPM wants a PIN,
// so that the daemon can't open it by itself.
func detailOf(info vault.SlotInfo) (detail string, pin bool) {
	switch info.Kind {
	case vault.SlotShares:
		if set, err := shares.ParseSet(info.Params); err == nil {
			return fmt.Sprintf("%d of %d shares", set.Threshold, set.Shares()), false
		}
	case vault.SlotTPM:
		if b, err := tpm.Inspect(info.Params); err == nil {
			detail = "PCR " + numbers(b.PCRs)
			if b.PIN {
				detail += ", PIN"
			}
			return detail, b.PIN
		}
	}
	return "", false
}

// warningsOf says where a new slot protects less than it seems to.
func warningsOf(info vault.SlotInfo) []string {
	if info.Kind != vault.SlotTPM {
		return nil
	}
	b, err := tpm.Inspect(info.Params)
	if err != nil || len(b.Unmeasured) == 0 {
		return nil
	}
	return []string{"PCR " + numbers(b.Unmeasured) + " holds nothing on this machine, so that the key slot is not bound to how it boots"}
}

// numbers are a list for people: "7,11".
func numbers(list []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(list), "[]"), " ", ",")
}
