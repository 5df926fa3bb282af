package tpm

import (
	"bytes"
	"errors"

	"github.com/google/go-tpm/tpm2"
	"github.com/google/go-tpm/tpm2/transport"
)

// provisionedSRK is where the TCG's provisioning guidance keeps the storage root
// key. It serves where the owner hierarchy has a password, so that it can't be made.
const provisionedSRK = tpm2.TPMHandle(0x81000001)

// parent is the storage root key.
type parent struct {
	handle    tpm2.TPMHandle
	name      tpm2.TPM2BName
	public    tpm2.TPMTPublic
	transient bool
}

// openParent makes the storage root key, or takes the provisioned one.
func openParent(t transport.TPM) (*parent, error) {
	made, err := tpm2.CreatePrimary{PrimaryHandle: tpm2.TPMRHOwner, InPublic: tpm2.New2B(tpm2.ECCSRKTemplate)}.Execute(t)
	switch {
	case errors.Is(err, tpm2.TPMRCBadAuth), errors.Is(err, tpm2.TPMRCAuthFail), errors.Is(err, tpm2.TPMRCLockout):
		return provisionedParent(t)
	case err != nil:
		return nil, translate(err)
	}
	p, err := checkParent(made.ObjectHandle, made.Name, made.OutPublic)
	if err != nil {
		(&parent{handle: made.ObjectHandle, transient: true}).close(t)
		return nil, err
	}
	p.transient = true
	return p, nil
}

func provisionedParent(t transport.TPM) (*parent, error) {
	read, err := tpm2.ReadPublic{ObjectHandle: provisionedSRK}.Execute(t)
	if err != nil {
		return nil, ErrOwner
	}
	return checkParent(provisionedSRK, read.Name, read.OutPublic)
}

// checkParent refuses a key that is no storage root key of the template, and one
// whose name is not that of its public area.
func checkParent(handle tpm2.TPMHandle, name tpm2.TPM2BName, area tpm2.TPM2BPublic) (*parent, error) {
	public, err := area.Contents()
	if err != nil {
		return nil, ErrDevice
	}
	want := tpm2.ECCSRKTemplate
	if public.Type != want.Type || public.NameAlg != want.NameAlg || public.ObjectAttributes != want.ObjectAttributes {
		return nil, ErrOwner
	}
	own, err := tpm2.ObjectName(public)
	if err != nil || !bytes.Equal(own.Buffer, name.Buffer) || len(name.Buffer) != nameLen {
		return nil, ErrDevice
	}
	return &parent{handle: handle, name: name, public: *public}, nil
}

// close leaves nothing in the TPM. An error would change nothing: the resource
// manager of the kernel takes away what is left when the device is closed.
func (p *parent) close(t transport.TPM) {
	if p.transient {
		_, _ = tpm2.FlushContext{FlushHandle: p.handle}.Execute(t)
	}
}

// auth uses the parent, which has no password, through session.
func (p *parent) auth(session tpm2.Session) tpm2.AuthHandle {
	return tpm2.AuthHandle{Handle: p.handle, Name: p.name, Auth: session}
}

// salted is a session that nobody on the bus can read or change.
func (p *parent) salted(way ...tpm2.AuthOption) []tpm2.AuthOption {
	return append([]tpm2.AuthOption{tpm2.Salted(p.handle, p.public)}, way...)
}
