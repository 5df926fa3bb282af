package vault_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/vault"
)

func TestRestoreOpensWithEverySlot(t *testing.T) {
	r := newRig(t)
	r.create("alice/k", "")
	c := r.encrypt("alice/k", "x")
	r.everySlot()
	file := r.backup(vault.BackupOptions{})
	for _, kind := range randomKinds {
		o := restoreOptions(t.TempDir(), file)
		o.With = vault.SlotSecret{Kind: kind, Secret: secretOf(kind + 1)}
		_, err := vault.Restore(ctx, o)
		r.wantCode(err, vault.CodeWrongPassword)
		o.With = with(kind)
		if _, err := vault.Restore(ctx, o); err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		n := r.at(filepath.Dir(o.Dir))
		n.mustDecrypt("", c, "x")
		if kind == randomKinds[0] {
			for _, other := range randomKinds {
				n.opens(with(other), "")
			}
			n.wantWhole()
		}
	}
}

// A key slot that was removed since the backup still opens the backup, and no
// vault that is restored over the one without it; one added since opens both.
func TestRestoreBringsNoRemovedSlotBack(t *testing.T) {
	r := newRig(t)
	r.create("alice/k", "")
	r.addSlot(vault.NewSlot{Kind: vault.SlotRecovery, Secret: secretOf(vault.SlotRecovery)})
	file := r.backup(vault.BackupOptions{})
	if _, err := r.RemoveSlot(ctx, withPassword(password), "recovery"); err != nil {
		t.Fatal(err)
	}
	r.addSlot(vault.NewSlot{Kind: vault.SlotKeyFile, Secret: secretOf(vault.SlotKeyFile)})
	for _, kind := range []vault.SlotKind{vault.SlotRecovery, vault.SlotKeyFile} {
		if err := r.Vault.Close(); err != nil {
			t.Fatal(err)
		}
		o := restoreOptions(filepath.Dir(r.dir), file)
		o.With, o.Replace = with(kind), true
		if _, err := vault.Restore(ctx, o); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		r.open()
		r.unseal()
		r.opens(with(vault.SlotRecovery), vault.CodeSlotNotFound)
		r.opens(with(vault.SlotKeyFile), "")
		r.wantWhole()
	}
	// With --resurrect it is as at the time of the backup, and that is told.
	report := r.replaced(true, file)
	if told := strings.Join(report.Warnings, " "); !strings.Contains(told, "in force again") {
		t.Errorf("the warnings are %q", told)
	}
	r.opens(with(vault.SlotRecovery), "")
	r.opens(with(vault.SlotKeyFile), vault.CodeSlotNotFound)
}

// A header that somebody put back, so that an old password opens the vault, is
// no better for a restore over it; nor are the backup's key slots, where only the
// anchor is left.
func TestRestoreTellsThatTheAnchorKnowsLaterSlots(t *testing.T) {
	r := newRig(t)
	r.create("alice/k", "")
	file := r.backup(vault.BackupOptions{})
	old, err := os.ReadFile(filepath.Join(r.dir, "header"))
	if err != nil {
		t.Fatal(err)
	}
	r.addSlot(vault.NewSlot{Kind: vault.SlotRecovery, Secret: secretOf(vault.SlotRecovery)})
	if _, err := r.RemoveSlot(ctx, withPassword(password), "recovery"); err != nil {
		t.Fatal(err)
	}
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	o := restoreOptions(filepath.Dir(r.dir), file)
	o.Replace = true
	told := func(want bool) {
		t.Helper()
		report, err := vault.Restore(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(report.Warnings, " "); strings.Contains(got, "key slots were changed later") != want {
			t.Errorf("the warnings are %q", got)
		}
		r.open()
		r.unseal()
		r.wantKeys("alice/k")
		if err := r.Vault.Close(); err != nil {
			t.Fatal(err)
		}
	}
	told(false)
	for _, name := range []string{"header", "header.backup"} {
		if err := os.WriteFile(filepath.Join(r.dir, name), old, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	told(true)
	if err := os.RemoveAll(r.dir); err != nil {
		t.Fatal(err)
	}
	told(true)
}
