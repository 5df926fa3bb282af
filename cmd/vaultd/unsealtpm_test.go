//go:build unix

package main

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
)

// tpmPlace is a place whose daemon has a TPM of its own.
func tpmPlace(t *testing.T) (place, *rig.TPM) {
	t.Helper()
	tpm := rig.StartTPM(t)
	p := newPlace(t)
	write(t, p.configAt(), inAudit("[unseal]\ntpm = \""+tpm.Socket+"\"\n"))
	return p, tpm
}

func (d *daemon) addTPM(t *testing.T, b *vaultdv1.TPMBinding) *vaultdv1.KeySlot {
	t.Helper()
	r, err := d.client(t).AddSlot(context.Background(), &vaultdv1.AddSlotRequest{
		With: &vaultdv1.SlotSecret{Secret: []byte(password)}, Kind: vaultdv1.SlotKind_SLOT_KIND_TPM, Tpm: b,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r.GetSlot()
}

// unseal tries with a TPM slot and a PIN.
func (d *daemon) unseal(t *testing.T, slot, pin string) error {
	t.Helper()
	_, err := d.client(t).Unseal(context.Background(), &vaultdv1.UnsealRequest{
		With: &vaultdv1.SlotSecret{Slot: slot, Secret: []byte(pin)},
	})
	return err
}

func TestTPMUnsealsAtStart(t *testing.T) {
	p, tpm := tpmPlace(t)
	d := p.start(t)
	d.init(t)
	slot := d.addTPM(t, nil)
	if !slot.GetAutomatic() || slot.GetDetail() != "PCR 7" || slot.GetKdf() != "HKDF-SHA-256" {
		t.Errorf("%v", slot)
	}
	d.stop(t, syscall.SIGTERM)

	tpm.Reboot()
	d = p.start(t)
	if s := d.status(t); s.GetSealed() || s.GetUnsealedWith() != "tpm" || len(s.GetUnsealProblems()) > 0 {
		t.Errorf("%v", s)
	}
	// What the TPM gives to whoever asks the daemon is no proof of who asks.
	_, err := d.client(t).AddSlot(context.Background(), &vaultdv1.AddSlotRequest{
		With: &vaultdv1.SlotSecret{Slot: "tpm"}, Kind: vaultdv1.SlotKind_SLOT_KIND_KEY_FILE, Secret: make([]byte, 32),
	})
	if !errors.Is(err, fault.E(fault.CodeBadArgument, "")) || !strings.Contains(err.Error(), "TPM") {
		t.Errorf("a slot was added by the TPM: %v", err)
	}
	d.stop(t, syscall.SIGTERM)

	tpm.Extend(7, "another Secure Boot key")
	d = p.start(t)
	if s := d.status(t); !s.GetSealed() || len(s.GetUnsealProblems()) != 1 || !strings.Contains(s.GetUnsealProblems()[0], "PCR 7") {
		t.Errorf("with another PCR: %v", s)
	}
	if err := d.unseal(t, "tpm", ""); !errors.Is(err, fault.E(fault.CodeTPMRefused, "")) {
		t.Errorf("asked for, with another PCR: %v", err)
	}
	d.stop(t, syscall.SIGTERM)

	tpm.Reboot()
	d = p.start(t)
	if d.sealed(t) {
		t.Error("the PCR is as it was, and the vault sealed")
	}
	d.stop(t, syscall.SIGTERM)
}

func TestTPMWithPINWaitsForAPerson(t *testing.T) {
	p, _ := tpmPlace(t)
	d := p.start(t)
	d.init(t)
	slot := d.addTPM(t, &vaultdv1.TPMBinding{Pcrs: []uint32{7, 11}, Pin: []byte("493817")})
	if slot.GetAutomatic() || slot.GetDetail() != "PCR 7,11, PIN" {
		t.Errorf("%v", slot)
	}
	d.stop(t, syscall.SIGTERM)

	d = p.start(t)
	if s := d.status(t); !s.GetSealed() || len(s.GetUnsealProblems()) != 1 || !strings.Contains(s.GetUnsealProblems()[0], "vaultctl unseal --slot tpm") {
		t.Errorf("%v", s)
	}
	if err := d.unseal(t, "tpm", ""); !errors.Is(err, fault.E(fault.CodeTPMRefused, "")) {
		t.Errorf("without the PIN: %v", err)
	}
	if err := d.unseal(t, "tpm", "000000"); !errors.Is(err, fault.ErrWrongPassword) {
		t.Errorf("with a wrong one: %v", err)
	}
	if err := d.unseal(t, "tpm", "493817"); err != nil {
		t.Errorf("with the PIN: %v", err)
	}
	// The TPM is not asked for what is open: it would tell whether a PIN is right, and
	// lock after too many for everybody.
	for _, pin := range []string{"493817", "000000"} {
		if err := d.unseal(t, "tpm", pin); !errors.Is(err, fault.E(fault.CodeUnsealed, "")) {
			t.Errorf("of an unsealed vault: %v", err)
		}
	}
	d.stop(t, syscall.SIGTERM)
}

// Without a TPM, a slot can't be made for it, and a slot that was leaves every other way open.
func TestMissingTPM(t *testing.T) {
	p, tpm := tpmPlace(t)
	d := p.start(t)
	d.init(t)
	d.addTPM(t, nil)
	d.stop(t, syscall.SIGTERM)

	write(t, p.configAt(), "[unseal]\ntpm = \""+tpm.Socket+".gone\"\n")
	d = p.start(t)
	if s := d.status(t); !s.GetSealed() || len(s.GetUnsealProblems()) != 1 || !strings.Contains(s.GetUnsealProblems()[0], "no TPM") {
		t.Errorf("%v", s)
	}
	c := d.client(t)
	if _, err := c.Unseal(context.Background(), &vaultdv1.UnsealRequest{Password: []byte(password)}); err != nil {
		t.Fatal(err)
	}
	_, err := c.AddSlot(context.Background(), &vaultdv1.AddSlotRequest{
		With: &vaultdv1.SlotSecret{Secret: []byte(password)}, Kind: vaultdv1.SlotKind_SLOT_KIND_TPM,
	})
	if !errors.Is(err, fault.E(fault.CodeTPMFailed, "")) {
		t.Errorf("a slot of no TPM: %v", err)
	}
	if _, err := c.RemoveSlot(context.Background(), &vaultdv1.RemoveSlotRequest{
		With: &vaultdv1.SlotSecret{Secret: []byte(password)}, Slot: "tpm",
	}); err != nil {
		t.Errorf("removing it: %v", err)
	}
	d.stop(t, syscall.SIGTERM)
}
