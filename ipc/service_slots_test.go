package ipc_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vaultd/vaultd/ipc"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

func TestSlotsOverTheSocket(t *testing.T) {
	const keyFile, tpm = vaultdv1.SlotKind_SLOT_KIND_KEY_FILE, vaultdv1.SlotKind_SLOT_KIND_TPM
	key := bytes.Repeat([]byte{7}, vault.SlotSecretLen)
	byPassword := func() *vaultdv1.SlotSecret { return &vaultdv1.SlotSecret{Secret: []byte(password)} }
	byKey := func() *vaultdv1.SlotSecret { return &vaultdv1.SlotSecret{Kind: keyFile, Secret: bytes.Clone(key)} }
	eachForm(t, func(t *testing.T, d *daemon, c caller) {
		ctx := t.Context()
		d.server.TellUnsealing(ipc.Unsealing{
			Kinds: []vault.SlotKind{vault.SlotKeyFile}, KeyFile: "/k", Problems: []string{"key-file: it is gone"},
		})
		added, err := c.AddSlot(ctx, &vaultdv1.AddSlotRequest{With: byPassword(), Kind: keyFile, Name: "stick", Secret: bytes.Clone(key)})
		if s := added.GetSlot(); err != nil || s.GetName() != "stick" || s.GetKind() != keyFile || s.GetKdf() != "HKDF-SHA-256" || s.GetCreated() == nil || !s.GetAutomatic() {
			t.Fatalf("%v, %v", added, err)
		}
		for name, r := range map[string]*vaultdv1.AddSlotRequest{
			"no kind":      {With: byPassword(), Secret: key},
			"unknown kind": {With: byPassword(), Kind: 99, Secret: key},
			"whose secret": {With: &vaultdv1.SlotSecret{Kind: -1, Secret: []byte(password)}, Kind: tpm, Secret: key},
			"no secret":    {With: &vaultdv1.SlotSecret{}, Kind: tpm, Secret: key},
			"nothing":      {},
		} {
			_, err := c.AddSlot(ctx, r)
			wantCode(t, name, err, fault.CodeBadArgument)
		}
		if _, err := c.Seal(ctx, &vaultdv1.SealRequest{}); err != nil {
			t.Fatal(err)
		}
		list, err := c.ListSlots(ctx, &vaultdv1.ListSlotsRequest{})
		if s := list.GetSlots(); err != nil || len(s) != 2 || s[0].GetName() != "password" || s[0].GetAutomatic() || s[0].GetIterations() != 600_000 || list.GetKeyFile() != "/k" {
			t.Errorf("while sealed: %v, %v", list, err)
		}
		status, err := c.Status(ctx, &vaultdv1.StatusRequest{})
		if err != nil || len(status.GetUnsealProblems()) != 1 || status.GetUnsealedWith() != "" {
			t.Errorf("while sealed: %v, %v", status, err)
		}
		_, err = c.Unseal(ctx, &vaultdv1.UnsealRequest{Password: []byte(password), With: byKey()})
		wantCode(t, "two secrets", err, fault.CodeBadArgument)
		_, err = c.Unseal(ctx, &vaultdv1.UnsealRequest{With: &vaultdv1.SlotSecret{Slot: "stick", Secret: make([]byte, 32)}})
		wantCode(t, "a wrong key", err, fault.CodeWrongPassword)
		opened, err := c.Unseal(ctx, &vaultdv1.UnsealRequest{With: byKey()})
		if err != nil || opened.GetSlot() != "stick" {
			t.Fatalf("%v, %v", opened, err)
		}
		status, err = c.Status(ctx, &vaultdv1.StatusRequest{})
		if err != nil || len(status.GetUnsealProblems()) > 0 || status.GetUnsealedWith() != "stick" {
			t.Errorf("unsealed: %v, %v", status, err)
		}
		if _, err := c.ChangePassword(ctx, &vaultdv1.ChangePasswordRequest{
			With: byKey(), Slot: "password", NewPassword: []byte("a forgotten password is replaced"), Iterations: 600_000,
		}); err != nil {
			t.Error(err)
		}
		_, err = c.RemoveSlot(ctx, &vaultdv1.RemoveSlotRequest{With: byKey(), Slot: "password"})
		wantCode(t, "the last of people", err, fault.CodeLastSlot)
		_, err = c.RemoveSlot(ctx, &vaultdv1.RemoveSlotRequest{With: byPassword(), Slot: "stick"})
		wantCode(t, "the old password", err, fault.CodeWrongPassword)
		removed, err := c.RemoveSlot(ctx, &vaultdv1.RemoveSlotRequest{
			With: &vaultdv1.SlotSecret{Secret: []byte("a forgotten password is replaced")}, Slot: "stick",
		})
		if err != nil || removed.GetSlot().GetId() != added.GetSlot().GetId() {
			t.Errorf("%v, %v", removed, err)
		}
	})
}

// Whoever asks later how the vault came to open with something finds which key slot was
// touched, by name and id.
func TestRecordsNameTheKeySlot(t *testing.T) {
	log, set := withAudit(t, filepath.Join(t.TempDir(), "audit"))
	c, ctx := start(t, set).dial(t), t.Context()
	by := func() *vaultdv1.SlotSecret { return &vaultdv1.SlotSecret{Secret: []byte(password)} }
	key := bytes.Repeat([]byte{7}, vault.SlotSecretLen)
	if _, err := c.AddSlot(ctx, &vaultdv1.AddSlotRequest{With: by(), Kind: vaultdv1.SlotKind_SLOT_KIND_KEY_FILE, Name: "stick", Secret: key}); err != nil {
		t.Fatal(err)
	}
	changed, err := c.ChangePassword(ctx, &vaultdv1.ChangePasswordRequest{With: by(), NewPassword: []byte(password), Iterations: 600_000})
	if err != nil || changed.GetSlot().GetName() != "password" || changed.GetIterations() != 600_000 {
		t.Fatalf("%v, %v", changed, err)
	}
	if _, err := c.RemoveSlot(ctx, &vaultdv1.RemoveSlotRequest{With: by(), Slot: "stick"}); err != nil {
		t.Fatal(err)
	}
	if err := log.Flush(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for e, err := range log.Read(audit.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		line := e.Action + " " + string(e.Outcome)
		for _, x := range e.Extra {
			line += " " + x.Name + "=" + x.Value
		}
		got = append(got, line)
	}
	want := []string{
		"slot.add begun", "slot.add allowed slot=stick slot_id=2 kind=key-file",
		"vault.change_password begun", "vault.change_password allowed slot=password slot_id=1 kind=password",
		"slot.remove begun", "slot.remove allowed slot=stick slot_id=2 kind=key-file",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
