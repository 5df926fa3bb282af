package tpm

import (
	"bytes"
	"errors"
	"time"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"

	"github.com/vaultd/vaultd/internal/secret"
)

// Unseal opens what Seal wrapped. It returns ErrOther, a PCRError, ErrNeedsPIN,
// ErrPIN, a LockedError or ErrMalformed for a blob that does not open, and ErrNone,
// ErrAccess, ErrOwner or ErrDevice for a TPM that can't be asked.
func Unseal(device string, sealed, pin []byte) (_ *secret.Bytes, err error) {
	defer fence(&err)
	p, err := parseBlob(sealed)
	if err != nil {
		return nil, err
	}
	if p.pin && len(pin) == 0 {
		return nil, ErrNeedsPIN
	}
	if p.pin && len(pin) > MaxPIN {
		return nil, ErrPIN
	}
	t, err := open(device)
	if err != nil {
		return nil, err
	}
	defer t.close()
	return p.unseal(t, pin)
}

func (p *blob) unseal(t transport.TPM, pin []byte) (*secret.Bytes, error) {
	srk, err := openParent(t)
	if err != nil {
		return nil, err
	}
	defer srk.close(t)
	if !bytes.Equal(srk.name.Buffer, p.parent[:]) {
		return nil, ErrOther
	}
	now, err := readPCRs(t, p.pcrs())
	if err != nil {
		return nil, err
	}
	// Told before the TPM is asked: it would say that something in the policy is wrong.
	if moved := changed(p.pcrs(), p.values, now); len(moved) > 0 {
		return nil, &PCRError{Changed: moved}
	}
	loaded, err := tpm2.Load{
		ParentHandle: srk.auth(tpm2.PasswordAuth(nil)),
		InPrivate:    tpm2.TPM2BPrivate{Buffer: p.private},
		InPublic:     tpm2.BytesAs2B[tpm2.TPMTPublic](p.area),
	}.Execute(t)
	if err != nil {
		return nil, translate(err)
	}
	defer func() { _, _ = tpm2.FlushContext{FlushHandle: loaded.ObjectHandle}.Execute(t) }()
	return p.open(t, srk, loaded, pin)
}

// open satisfies the policy and takes the secret out of the loaded object.
func (p *blob) open(t transport.TPM, srk *parent, loaded *tpm2.LoadResponse, pin []byte) (*secret.Bytes, error) {
	auth := p.authValue(pin)
	defer secret.Wipe(auth)
	session, end, err := tpm2.PolicySession(t, tpm2.TPMAlgSHA256, 16,
		srk.salted(tpm2.AESEncryption(128, tpm2.EncryptOut), tpm2.Auth(auth))...)
	if err != nil {
		return nil, translate(err)
	}
	defer func() { _ = end() }()
	if err := apply(t, session.Handle(), p.pcrs(), p.pin); err != nil {
		return nil, err
	}
	tidy := &tidySession{Session: session}
	defer tidy.wipe()
	out, err := tpm2.Unseal{
		ItemHandle: tpm2.AuthHandle{Handle: loaded.ObjectHandle, Name: loaded.Name, Auth: tidy},
	}.Execute(t)
	err = translate(err)
	if locked := new(LockedError); errors.As(err, &locked) {
		locked.Each = lockInterval(t)
	}
	if err != nil {
		return nil, err
	}
	if len(out.OutData.Buffer) != SecretLen {
		secret.Wipe(out.OutData.Buffer)
		return nil, ErrMalformed
	}
	return secret.From(out.OutData.Buffer), nil
}

// tidySession knows where the library has decrypted answers, which it leaves in memory.
type tidySession struct {
	tpm2.Session
	decrypted [][]byte
}

// Decrypt decrypts the parameter in place.
func (s *tidySession) Decrypt(parameter []byte) error {
	s.decrypted = append(s.decrypted, parameter)
	return s.Session.Decrypt(parameter)
}

func (s *tidySession) wipe() {
	for _, b := range s.decrypted {
		secret.Wipe(b)
	}
}

// lockInterval is the time in which the TPM forgets one wrong PIN, or 0.
func lockInterval(t transport.TPM) time.Duration {
	got, err := tpm2.GetCapability{
		Capability: tpm2.TPMCapTPMProperties, Property: uint32(tpm2.TPMPTLockoutInterval), PropertyCount: 1,
	}.Execute(t)
	if err != nil {
		return 0
	}
	list, err := got.CapabilityData.Data.TPMProperties()
	if err != nil || len(list.TPMProperty) != 1 || list.TPMProperty[0].Property != tpm2.TPMPTLockoutInterval {
		return 0
	}
	return time.Duration(list.TPMProperty[0].Value) * time.Second
}
