package vault_test

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vaultd/vaultd/vault"
)

func (r *rig) rotate(name string) {
	r.Helper()
	if _, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name(name)}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) destroyVersion(name string, version uint32) {
	r.Helper()
	if _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name(name), Version: version, By: "root"}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) revoke(name string, code vault.RevocationReason, compromised time.Time) {
	r.Helper()
	if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name(name), By: "root", Code: code, Compromised: compromised}); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) show(name string) vault.KeyInfo {
	r.Helper()
	info, err := r.ShowKey(ctx, r.name(name))
	if err != nil {
		r.Fatal(err)
	}
	return info
}

// Whatever took a use away since the backup is in force after a restore over the
// same vault; what gave one, on keys of which nothing was taken, is not.
func TestRestoreKeepsEveryLimitOfThePresentVault(t *testing.T) {
	limits := []struct {
		name  string
		set   func(r *rig, key string) error
		state vault.KeyState // of version 1 afterwards
	}{
		{"suspended", func(r *rig, key string) error {
			_, err := r.SuspendKey(ctx, vault.SuspendKey{Name: r.name(key), By: "root", Admin: true})
			return err
		}, vault.StateSuspended},
		{"version-suspended", func(r *rig, key string) error {
			_, err := r.SuspendKey(ctx, vault.SuspendKey{Name: r.name(key), Version: 1, By: "root"})
			return err
		}, vault.StateSuspended},
		{"ending", func(r *rig, key string) error {
			_, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name(key), By: "root", After: 48 * time.Hour})
			return err
		}, vault.StatePendingDestruction},
		{"version-ending", func(r *rig, key string) error {
			_, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name(key), Version: 1, By: "root", After: 48 * time.Hour})
			return err
		}, vault.StatePendingDestruction},
		{"expired", func(r *rig, key string) error {
			now := r.clock.Now()
			_, err := r.UpdateKey(ctx, vault.UpdateKey{Name: r.name(key), Version: 1, Expires: &now})
			return err
		}, vault.StateDeactivated},
		{"process-until", func(r *rig, key string) error {
			now := r.clock.Now().Add(time.Minute)
			_, err := r.UpdateKey(ctx, vault.UpdateKey{Name: r.name(key), Version: 1, Expires: &now, ProcessUntil: &now})
			r.clock.Advance(time.Hour)
			return err
		}, vault.StateRetired},
		{"min-decrypt", func(r *rig, key string) error {
			r.rotate(key)
			_, err := r.UpdateKey(ctx, vault.UpdateKey{Name: r.name(key), MinDecryptVersion: 2})
			return err
		}, vault.StateRetired},
		{"compromised", func(r *rig, key string) error {
			r.revoke(key, vault.ReasonKeyCompromise, r.clock.Now().Add(-time.Hour))
			return nil
		}, vault.StateCompromised},
		{"trimmed", func(r *rig, key string) error {
			r.rotate(key)
			if _, err := r.UpdateKey(ctx, vault.UpdateKey{Name: r.name(key), MinDecryptVersion: 2}); err != nil {
				return err
			}
			_, _, err := r.TrimKey(ctx, vault.TrimKey{Name: r.name(key), By: "root"})
			return err
		}, vault.StateDestroyed},
	}
	r := newRig(t)
	for _, l := range limits {
		r.create("alice/"+l.name, "")
	}
	r.create("alice/free", "")
	r.create("alice/resumed", "")
	signer := r.createWith(vault.CreateKey{Name: r.name("alice/signer"), Type: "ed25519", TTL: time.Hour})
	if _, err := r.SuspendKey(ctx, vault.SuspendKey{Name: r.name("alice/resumed"), By: "root"}); err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(30 * time.Minute)
	file := r.backup(vault.BackupOptions{})
	r.clock.Advance(time.Hour)
	if _, err := r.ResumeKey(ctx, vault.ResumeKey{Name: r.name("alice/resumed"), By: "root"}); err != nil {
		t.Fatal(err)
	}
	r.rotate("alice/free")
	for _, l := range limits {
		if err := l.set(r, "alice/"+l.name); err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
	}
	compromised := r.show("alice/compromised")
	r.replaced(false, file)
	for _, l := range limits {
		if got := r.show("alice/" + l.name).Versions[0].State; got != l.state {
			t.Errorf("%s: version 1 is %s, want %s", l.name, got, l.state)
		}
	}
	if now := r.show("alice/compromised"); !now.Compromised.Equal(compromised.Compromised) || now.ReasonCode != compromised.ReasonCode {
		t.Errorf("the revoked key was %+v and is %+v", compromised, now)
	}
	_, err := r.ResumeKey(ctx, vault.ResumeKey{Name: r.name("alice/suspended"), By: "alice"})
	r.wantCode(err, vault.CodePermissionDenied)
	if info := r.show("alice/free"); len(info.Versions) != 1 {
		t.Errorf("a key of which nothing was taken has %d versions, not those of the backup", len(info.Versions))
	}
	if got := r.state("alice/resumed"); got != vault.StateSuspended {
		t.Errorf("a key that was resumed since is %s, not as in the backup", got)
	}
	if info := r.show("alice/signer"); info.ID != signer.ID || info.Versions[0].State != vault.StateDeactivated {
		t.Errorf("the signing key is %+v", info)
	}
	r.wantWhole()
}

// A destruction that was called off after the backup does not happen after all
// because the backup knows of it, nor does one that nobody knows the end of go unsaid.
func TestRestoreDestroysNothingThatWasCalledOff(t *testing.T) {
	r := newRig(t)
	r.create("alice/cancelled", "")
	r.create("alice/version", "")
	signer := vault.CreateKey{Name: r.name("alice/signer"), Type: "ed25519", TTL: 24 * time.Hour}
	r.createWith(signer)
	for name, version := range map[string]uint32{"alice/cancelled": 0, "alice/version": 1} {
		if _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name(name), Version: version, By: "root", After: 24 * time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	file := r.backup(vault.BackupOptions{})
	for name, version := range map[string]uint32{"alice/cancelled": 0, "alice/version": 1} {
		if _, err := r.CancelDestruction(ctx, vault.CancelDestruction{Name: r.name(name), Version: version, By: "root"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.ResumeKey(ctx, vault.ResumeKey{Name: r.name("alice/cancelled"), By: "root"}); err != nil {
		t.Fatal(err)
	}
	later := r.clock.Now().Add(1000 * time.Hour)
	if _, err := r.UpdateKey(ctx, vault.UpdateKey{Name: signer.Name, Expires: &later}); err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(48 * time.Hour)
	r.create("alice/other", "") // notes the time
	r.replaced(false, file)
	for name, want := range map[string]vault.KeyState{
		"alice/cancelled": vault.StateActive, "alice/version": vault.StateSuspended, "alice/signer": vault.StateActive,
	} {
		if got := r.state(name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	r.wantWhole()

	o := restoreOptions(t.TempDir(), file)
	o.Now = r.clock.Now
	report, err := vault.Restore(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if told := strings.Join(report.Warnings, " "); !strings.Contains(told, "destroyed at the first unseal are") || !strings.Contains(told, "alice/cancelled") {
		t.Errorf("the warnings are %q", told)
	}
}

func TestRestoreKeepsRegistrations(t *testing.T) {
	r := newRig(t)
	r.tracked("alice/k")
	r.tracked("alice/gone")
	early := r.encrypt("alice/k", "early")
	gone := r.encrypt("alice/gone", "gone")
	file := r.backup(vault.BackupOptions{})
	late := r.encrypt("alice/k", "late")
	r.rotate("alice/k")
	if _, err := r.Forget(ctx, vault.Forget{Key: r.name("alice/gone"), Ciphertexts: []vault.Ciphertext{{Bytes: gone}}}); err != nil {
		t.Fatal(err)
	}
	r.encrypt("alice/k", "latest")
	r.tracked("alice/new")
	r.encrypt("alice/new", "of a key that the backup does not know")
	r.replaced(false, file)
	r.wantNeeds("alice/k", 2, 1)
	r.wantNeeds("alice/gone", 0)
	r.mustDecrypt("alice/k", early, "early")
	r.mustDecrypt("alice/k", late, "late")
	_, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("alice/k"), Version: 1})
	r.wantCode(err, vault.CodeStillNeeded)
	if _, err := r.ShowKey(ctx, r.name("alice/new")); err == nil {
		t.Error("a key that is newer than the backup is still there")
	}
	r.wantWhole()
}

// The vault went two ways: each made a key of one name, and the one of the
// present way has ended.
func TestRestoreOverAnEndedKeyOfTheSameName(t *testing.T) {
	r := newRig(t)
	early := r.backup(vault.BackupOptions{})
	first := r.create("alice/a", "")
	r.create("alice/b", "")
	c := r.encrypt("alice/a", "first way")
	late := r.backup(vault.BackupOptions{})
	r.replaced(false, early)
	r.create("alice/a", "")
	r.create("alice/b", "")
	r.destroyVersion("alice/a", 1)
	r.revoke("alice/b", vault.ReasonSuperseded, time.Time{})
	r.replaced(false, late)
	if info := r.show("alice/a"); info.ID != first.ID {
		t.Errorf("alice/a is another key")
	}
	r.mustDecrypt("alice/a", c, "first way")
	r.wantWhole()
}

// What one way destroyed is not taken for what the other made in its place.
func TestRestoreOverADivergedVaultDestroysNoOtherVersion(t *testing.T) {
	r := newRig(t)
	for _, name := range []string{"alice/a", "alice/b", "alice/c"} {
		r.create(name, "")
	}
	r.tracked("alice/t")
	early := r.backup(vault.BackupOptions{})
	for _, name := range []string{"alice/a", "alice/b", "alice/t"} {
		r.rotate(name)
	}
	c := r.encrypt("alice/a", "first way")
	r.encrypt("alice/t", "first way")
	r.revoke("alice/c", vault.ReasonKeyCompromise, r.clock.Now().Add(-time.Hour))
	compromised := r.show("alice/c").Compromised
	late := r.backup(vault.BackupOptions{})
	r.replaced(true, early)
	r.encrypt("alice/t", "second way") // under version 1
	r.rotate("alice/t")
	r.rotate("alice/a")
	r.destroyVersion("alice/a", 2)
	if _, err := r.SuspendKey(ctx, vault.SuspendKey{Name: r.name("alice/b"), By: "root", Admin: true}); err != nil {
		t.Fatal(err)
	}
	r.rotate("alice/c")
	r.destroyVersion("alice/c", 1)
	r.replaced(false, late)
	r.mustDecrypt("alice/a", c, "first way")
	r.wantNeeds("alice/t", 1, 1)
	if info := r.show("alice/b"); len(info.Versions) != 2 || info.Versions[1].State != vault.StateSuspended {
		t.Errorf("alice/b is %+v", info)
	}
	if info := r.show("alice/c"); info.Versions[0].State != vault.StateDestroyed || info.State != vault.StateCompromised ||
		!info.Compromised.Equal(compromised) {
		t.Errorf("alice/c is %+v", info)
	}
	r.wantWhole()
}

// An old program does not put a vault of a newer one, whose key slots it can't
// read, behind its own.
func TestRestoreTellsWhenKeySlotsComeBack(t *testing.T) {
	r := newRig(t)
	file := r.backup(vault.BackupOptions{})
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile(filepath.Join(r.dir, "header"))
	if err != nil {
		t.Fatal(err)
	}
	put := func(b []byte) {
		t.Helper()
		for _, name := range []string{"header", "header.backup"} {
			if err := os.WriteFile(filepath.Join(r.dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	newer := append([]byte(nil), header...)
	newer[9] = 200 // the format
	sum := sha256.Sum256(newer[:len(newer)-sha256.Size])
	put(append(newer[:len(newer)-sha256.Size], sum[:]...))
	o := restoreOptions(filepath.Dir(r.dir), file)
	o.Replace = true
	_, err = vault.Restore(ctx, o)
	r.wantCode(err, vault.CodeNewerFormat)

	put([]byte("damaged"))
	report, err := vault.Restore(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if told := strings.Join(report.Warnings, " "); !strings.Contains(told, "key slots") {
		t.Errorf("the warnings are %q", told)
	}
}
