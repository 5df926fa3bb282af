package ipc

import (
	"errors"

	"github.com/vaultd/vaultd/internal/tpm"
	"github.com/vaultd/vaultd/vault/fault"
)

// tpmFault says what kept the TPM from sealing, or from opening the slot of that name.
func tpmFault(err error, slot string) error {
	pcrs, locked := new(tpm.PCRError), new(tpm.LockedError)
	switch {
	case errors.As(err, &pcrs):
		return fault.E(fault.CodeTPMRefused, "the TPM does not open the key slot %s: %v", slot, pcrs).
			WithHint("if the change was yours (firmware, Secure Boot), unseal in another way, 'vaultctl slot add tpm', and remove %s; if not, find out what started this machine first", slot)
	case errors.Is(err, tpm.ErrOther):
		return fault.E(fault.CodeTPMRefused, "the key slot %s is of another TPM, or this one was cleared since", slot).
			WithHint("unseal in another way, 'vaultctl slot add tpm', and remove %s", slot)
	case errors.Is(err, tpm.ErrMalformed):
		return fault.E(fault.CodeTPMRefused, "what the key slot %s holds is not what the TPM sealed", slot).
			WithHint("unseal in another way, 'vaultctl slot add tpm', and remove %s", slot).Because(err)
	case errors.Is(err, tpm.ErrNeedsPIN):
		return fault.E(fault.CodeTPMRefused, "the key slot %s takes a PIN", slot).
			WithHint("'vaultctl unseal --slot %s' asks for it", slot)
	case errors.Is(err, tpm.ErrPIN):
		return fault.E(fault.CodeWrongPassword, "wrong PIN").WithHint("the TPM counts wrong ones, and refuses all after too many")
	case errors.As(err, &locked):
		e := fault.E(fault.CodeUnlockThrottled, "%v", locked)
		if locked.Each > 0 {
			return e.WithHint("it forgets one each %s while it is powered; unseal in another way, or wait", locked.Each)
		}
		return e.WithHint("unseal in another way, or wait")
	case errors.Is(err, tpm.ErrOptions):
		return fault.E(fault.CodeBadArgument, "%v", tpm.ErrOptions)
	case errors.Is(err, tpm.ErrNone):
		return fault.E(fault.CodeTPMFailed, "the daemon finds no TPM 2.0").
			WithHint("'tpm' in [unseal] names its device; a virtual machine has one only if it was given one").Because(err)
	case errors.Is(err, tpm.ErrAccess):
		return fault.E(fault.CodeTPMFailed, "%v", err).
			WithHint("docs/SERVICE.md says which drop-in and group its service needs")
	case errors.Is(err, tpm.ErrOwner), errors.Is(err, tpm.ErrBank):
		return fault.E(fault.CodeTPMFailed, "the TPM can't be used: %v", err)
	case errors.Is(err, tpm.ErrDevice):
		return fault.E(fault.CodeTPMFailed, "%v", err)
	}
	return err
}
