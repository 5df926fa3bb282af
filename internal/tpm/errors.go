package tpm

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-tpm/tpm2"
)

var (
	// ErrNone says that there is no TPM at the path, or none that this system can talk to.
	ErrNone = errors.New("there is no TPM 2.0")
	// ErrAccess says that this process may not use the device.
	ErrAccess = errors.New("the TPM device may not be used")
	// ErrDevice says that the TPM did not answer, or not as a TPM does.
	ErrDevice = errors.New("the TPM does not work")
	// ErrBank says that the TPM keeps no SHA-256 PCRs.
	ErrBank = errors.New("the TPM has no SHA-256 PCRs")
	// ErrOwner says that the owner hierarchy has a password, and no storage root key is provisioned.
	ErrOwner = errors.New("the owner of the TPM has set a password, and there is no storage root key at 0x81000001")
	// ErrOther says that another TPM wrapped the blob, or this one before it was cleared.
	ErrOther = errors.New("another TPM wrapped this, or the TPM was cleared since")
	// ErrMalformed says that the blob is not one that Seal made.
	ErrMalformed = errors.New("not what a TPM wrapped")
	// ErrNeedsPIN says that the blob opens with a PIN and none was given.
	ErrNeedsPIN = errors.New("a PIN is needed")
	// ErrPIN says that the PIN is wrong. The TPM counts it.
	ErrPIN = errors.New("wrong PIN")
	// ErrOptions says that the PCRs or the PIN are none that Seal takes.
	ErrOptions = fmt.Errorf("PCRs are 0 to %d and at least one, and a PIN has %d to %d bytes", maxPCR, MinPIN, MaxPIN)
)

// PCRError says that the machine did not start as it did when the secret was wrapped.
type PCRError struct {
	Changed []int // empty when the TPM alone knows
}

func (e *PCRError) Error() string {
	if len(e.Changed) == 0 {
		return "the PCRs have changed"
	}
	return "changed since it was wrapped: PCR " + strings.Trim(fmt.Sprint(e.Changed), "[]")
}

// LockedError says that the TPM refuses PINs after too many wrong ones.
type LockedError struct {
	// Each is the time in which the TPM forgets one wrong PIN; 0 when it does not say.
	Each time.Duration
}

func (e *LockedError) Error() string {
	return "the TPM refuses every PIN after too many wrong ones"
}

// translate maps what the TPM answered. What it has no name for is ErrDevice.
func translate(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, tpm2.TPMRCAuthFail), errors.Is(err, tpm2.TPMRCBadAuth):
		return fmt.Errorf("%w: %w", ErrPIN, err)
	case errors.Is(err, tpm2.TPMRCPolicyFail), errors.Is(err, tpm2.TPMRCPCRChanged), errors.Is(err, tpm2.TPMRCValue):
		return &PCRError{}
	case errors.Is(err, tpm2.TPMRCLockout):
		return &LockedError{}
	case errors.Is(err, tpm2.TPMRCIntegrity), errors.Is(err, tpm2.TPMRCSize), errors.Is(err, tpm2.TPMRCBinding):
		return ErrMalformed
	}
	return fmt.Errorf("%w: %w", ErrDevice, err)
}

// fence makes a panic of the library an error: what it decodes comes from a bus.
func fence(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: its answer was not understood", ErrDevice)
	}
}
