package vault_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/policy/quota"
)

// randomKinds are the kinds whose secrets are random bytes.
var randomKinds = []vault.SlotKind{vault.SlotKeyFile, vault.SlotCredential, vault.SlotRecovery, vault.SlotShares, vault.SlotTPM}

func secretOf(kind vault.SlotKind) []byte {
	return bytes.Repeat([]byte{byte(kind)}, vault.SlotSecretLen)
}

func withPassword(p string) vault.SlotSecret {
	return vault.SlotSecret{Kind: vault.SlotPassword, Secret: []byte(p)}
}

func with(kind vault.SlotKind) vault.SlotSecret {
	return vault.SlotSecret{Kind: kind, Secret: secretOf(kind)}
}

func (r *rig) addSlot(n vault.NewSlot) vault.SlotInfo {
	r.Helper()
	info, err := r.AddSlot(ctx, withPassword(password), n)
	if err != nil {
		r.Fatal(err)
	}
	return info
}

// everySlot adds one of each kind.
func (r *rig) everySlot() {
	r.Helper()
	for _, kind := range randomKinds {
		r.addSlot(vault.NewSlot{Kind: kind, Secret: secretOf(kind), Params: []byte(kind.String())})
	}
	r.addSlot(vault.NewSlot{Kind: vault.SlotPassword, Name: "second", Secret: []byte(newPassword), Iterations: iterations})
}

func (r *rig) opens(s vault.SlotSecret, want vault.Code) {
	r.Helper()
	r.close()
	_, err := r.UnsealWith(ctx, s, false)
	r.wantCode(err, want)
	if err != nil {
		r.unseal()
	}
}

func TestEachSlotOpensAlone(t *testing.T) {
	r := newRig(t)
	r.create("alice/k", "")
	c := r.encrypt("alice/k", "x")
	if f := r.Status().Format; f != 1 {
		t.Errorf("a vault with a password alone has format %d", f)
	}
	r.everySlot()
	if f := r.Status().Format; f != 2 {
		t.Errorf("with other slots it has format %d", f)
	}
	r.opens(withPassword(password), "")
	r.opens(withPassword(newPassword), "")
	for _, kind := range randomKinds {
		r.opens(with(kind), "")
		r.mustDecrypt("", c, "x")
		r.opens(vault.SlotSecret{Slot: kind.String(), Secret: secretOf(kind)}, "")
		r.opens(vault.SlotSecret{Kind: kind, Secret: secretOf(kind + 1)}, vault.CodeWrongPassword)
		r.opens(vault.SlotSecret{Kind: kind, Secret: secretOf(kind)[1:]}, vault.CodeBadArgument)
		r.opens(vault.SlotSecret{Kind: vault.SlotPassword, Secret: secretOf(kind)}, vault.CodeWrongPassword)
		r.opens(vault.SlotSecret{Kind: vault.SlotPassword, Slot: kind.String(), Secret: secretOf(kind)}, vault.CodeBadArgument)
	}
	r.opens(vault.SlotSecret{Slot: "second", Secret: []byte(password)}, vault.CodeWrongPassword)
	r.opens(vault.SlotSecret{Slot: "third", Secret: []byte(password)}, vault.CodeSlotNotFound)
	r.opens(vault.SlotSecret{Slot: "4294967297", Secret: []byte(password)}, vault.CodeSlotNotFound)
}

func TestSlotsAreListedSealedToo(t *testing.T) {
	r := newRig(t)
	r.everySlot()
	r.close()
	list, err := r.Slots()
	if err != nil || len(list) != 7 {
		t.Fatal(list, err)
	}
	if s := list[0]; s.ID != 1 || s.Name != "password" || !s.Created.IsZero() || s.Iterations != iterations || s.Random {
		t.Errorf("the first: %+v", s)
	}
	for i, kind := range randomKinds {
		s := list[i+1]
		if s.Kind != kind || s.Name != kind.String() || !s.Created.Equal(r.clock.Now()) || !s.Random || s.Iterations != 0 || string(s.Params) != kind.String() {
			t.Errorf("%s: %+v", kind, s)
		}
	}
	if s := list[6]; s.Name != "second" || s.Iterations != iterations {
		t.Errorf("the last: %+v", s)
	}
}

// Removing one leaves all others as they are, and what was removed opens nothing.
func TestRemovedSlotOpensNothing(t *testing.T) {
	r := newRig(t)
	r.everySlot()
	for i, kind := range randomKinds {
		if _, err := r.RemoveSlot(ctx, withPassword(newPassword), kind.String()); err != nil {
			t.Fatal(err)
		}
		r.opens(with(kind), vault.CodeSlotNotFound)
		for _, left := range randomKinds[i+1:] {
			r.opens(with(left), "")
		}
		r.opens(withPassword(newPassword), "")
	}
	info, err := r.RemoveSlot(ctx, withPassword(newPassword), "1")
	if err != nil || info.Name != "password" {
		t.Fatal(info, err)
	}
	r.close()
	_, err = r.Unseal(ctx, []byte(password), false)
	r.wantCode(err, vault.CodeWrongPassword)
	if _, err := r.Unseal(ctx, []byte(newPassword), false); err != nil {
		t.Fatal(err)
	}
}

func TestHeaderReturnsToFormat1(t *testing.T) {
	r := newRig(t)
	first := r.addSlot(vault.NewSlot{Kind: vault.SlotKeyFile, Secret: secretOf(vault.SlotKeyFile)})
	if _, err := r.RemoveSlot(ctx, withPassword(password), strconv.Itoa(int(first.ID))); err != nil {
		t.Fatal(err)
	}
	if f := r.Status().Format; f != 1 {
		t.Errorf("format %d", f)
	}
	again := r.addSlot(vault.NewSlot{Kind: vault.SlotKeyFile, Secret: secretOf(vault.SlotKeyFile)})
	if again.ID == first.ID {
		t.Error("an id was given twice")
	}
	r.opens(with(vault.SlotKeyFile), "")
}

func TestLastSlotOfPeopleStays(t *testing.T) {
	r := newRig(t)
	r.addSlot(vault.NewSlot{Kind: vault.SlotKeyFile, Secret: secretOf(vault.SlotKeyFile)})
	r.addSlot(vault.NewSlot{Kind: vault.SlotTPM, Secret: secretOf(vault.SlotTPM)})
	_, err := r.RemoveSlot(ctx, with(vault.SlotKeyFile), "password")
	r.wantCode(err, vault.CodeLastSlot)
	r.addSlot(vault.NewSlot{Kind: vault.SlotRecovery, Secret: secretOf(vault.SlotRecovery)})
	// With its own secret it does not go either.
	_, err = r.RemoveSlot(ctx, withPassword(password), "password")
	r.wantCode(err, vault.CodeBadArgument)
	_, err = r.RemoveSlot(ctx, with(vault.SlotKeyFile), "password")
	r.wantCode(err, "")
	_, err = r.RemoveSlot(ctx, with(vault.SlotKeyFile), "recovery")
	r.wantCode(err, vault.CodeLastSlot)
	r.close()
	if _, err = r.UnsealWith(ctx, with(vault.SlotRecovery), false); err != nil {
		t.Fatal(err)
	}
	// A forgotten password is made anew in a slot of its own.
	if _, err = r.AddSlot(ctx, with(vault.SlotRecovery), vault.NewSlot{Kind: vault.SlotPassword, Secret: []byte(password), Iterations: iterations}); err != nil {
		t.Fatal(err)
	}
	r.opens(withPassword(password), "")
}

func TestNoSlotWithoutTheSecretOfAnother(t *testing.T) {
	r := newRig(t)
	r.addSlot(vault.NewSlot{Kind: vault.SlotKeyFile, Secret: secretOf(vault.SlotKeyFile)})
	before := r.header()
	n := vault.NewSlot{Kind: vault.SlotCredential, Secret: secretOf(vault.SlotCredential)}
	for name, by := range map[string]vault.SlotSecret{
		"a wrong password": withPassword("wrong"),
		"a wrong key file": {Kind: vault.SlotKeyFile, Secret: secretOf(vault.SlotTPM)},
	} {
		_, err := r.AddSlot(ctx, by, n)
		r.wantCode(err, vault.CodeWrongPassword)
		_, err = r.RemoveSlot(ctx, by, "key-file")
		r.wantCode(err, vault.CodeWrongPassword)
		if !bytes.Equal(r.header(), before) {
			t.Fatalf("%s: the header changed", name)
		}
	}
	_, err := r.AddSlot(ctx, withPassword(""), n)
	r.wantCode(err, vault.CodeBadArgument)
	r.close()
	_, err = r.AddSlot(ctx, withPassword(password), n)
	r.wantCode(err, vault.CodeSealed)
	_, err = r.RemoveSlot(ctx, withPassword(password), "key-file")
	r.wantCode(err, vault.CodeSealed)
}

func (r *rig) header() []byte {
	r.Helper()
	b, err := os.ReadFile(filepath.Join(r.dir, "header"))
	if err != nil {
		r.Fatal(err)
	}
	return b
}

func TestNewSlotRefusals(t *testing.T) {
	r := newRig(t)
	random := secretOf(vault.SlotKeyFile)
	for name, c := range map[string]struct {
		slot vault.NewSlot
		want vault.Code
	}{
		"no kind":              {vault.NewSlot{Secret: random}, vault.CodeBadArgument},
		"unknown kind":         {vault.NewSlot{Kind: 7, Secret: random}, vault.CodeBadArgument},
		"a short secret":       {vault.NewSlot{Kind: vault.SlotKeyFile, Secret: random[1:]}, vault.CodeBadArgument},
		"iterations":           {vault.NewSlot{Kind: vault.SlotKeyFile, Secret: random, Iterations: iterations}, vault.CodeBadArgument},
		"no password":          {vault.NewSlot{Kind: vault.SlotPassword, Iterations: iterations}, vault.CodeBadArgument},
		"few iterations":       {vault.NewSlot{Kind: vault.SlotPassword, Secret: random, Iterations: 1}, vault.CodeBadArgument},
		"a number":             {vault.NewSlot{Kind: vault.SlotKeyFile, Secret: random, Name: "7"}, vault.CodeBadArgument},
		"a name with spaces":   {vault.NewSlot{Kind: vault.SlotKeyFile, Secret: random, Name: "a b"}, vault.CodeBadArgument},
		"a name that is taken": {vault.NewSlot{Kind: vault.SlotKeyFile, Secret: random, Name: "password"}, vault.CodeSlotExists},
		"large parameters":     {vault.NewSlot{Kind: vault.SlotKeyFile, Secret: random, Params: make([]byte, 4097)}, vault.CodeTooLarge},
	} {
		_, err := r.AddSlot(ctx, withPassword(password), c.slot)
		if got := code(err); got != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range 3 {
		s := r.addSlot(vault.NewSlot{Kind: vault.SlotPassword, Secret: random, Iterations: iterations})
		if want := "password-" + strconv.Itoa(n+2); s.Name != want {
			t.Errorf("%s, want %s", s.Name, want)
		}
	}
	_, err := r.AddSlot(ctx, withPassword(password), vault.NewSlot{Kind: vault.SlotPassword, Secret: random, Iterations: iterations})
	r.wantCode(err, vault.CodeQuotaExceeded)
	for range 12 {
		r.addSlot(vault.NewSlot{Kind: vault.SlotKeyFile, Secret: random, Params: make([]byte, 4096)})
	}
	_, err = r.AddSlot(ctx, withPassword(password), vault.NewSlot{Kind: vault.SlotKeyFile, Secret: random})
	r.wantCode(err, vault.CodeQuotaExceeded)
}

func code(err error) vault.Code {
	var e *vault.Error
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

// Of four password slots a wrong password costs one guess, and a right one no more than none.
func TestWrongPasswordIsOneGuessHoweverManySlots(t *testing.T) {
	r := guessing(t)
	r.unseal()
	for range 3 {
		r.addSlot(vault.NewSlot{Kind: vault.SlotPassword, Secret: []byte(newPassword), Iterations: iterations})
	}
	for _, kind := range []vault.SlotKind{vault.SlotKeyFile, vault.SlotRecovery} {
		r.addSlot(vault.NewSlot{Kind: kind, Secret: secretOf(kind)})
	}
	r.close()
	for range quota.Passwords.Free - 1 {
		r.guess("guess", vault.CodeWrongPassword)
	}
	// Words count as passwords do, and what nobody guesses does not.
	_, err := r.UnsealWith(ctx, vault.SlotSecret{Kind: vault.SlotRecovery, Secret: secretOf(9)}, false)
	r.wantCode(err, vault.CodeWrongPassword)
	r.guess(password, vault.CodeUnlockThrottled)
	_, err = r.UnsealWith(ctx, with(vault.SlotRecovery), false)
	r.wantCode(err, vault.CodeUnlockThrottled)
	for range 2 * quota.Passwords.Free {
		_, err = r.UnsealWith(ctx, vault.SlotSecret{Kind: vault.SlotKeyFile, Secret: secretOf(9)}, false)
		r.wantCode(err, vault.CodeWrongPassword)
	}
	// A machine that unseals itself neither waits nor forgives the guesses of others.
	if _, err = r.UnsealWith(ctx, with(vault.SlotKeyFile), false); err != nil {
		t.Fatal(err)
	}
	r.close()
	r.guess(password, vault.CodeUnlockThrottled)
}

// An administrator with a password, or recovery words, gets no more guesses at the password
// of another by using them in between.
func TestOnesOwnSecretPaysForNoGuessesAtAnother(t *testing.T) {
	for _, own := range []vault.SlotSecret{withPassword(password), with(vault.SlotRecovery)} {
		for _, slot := range []string{"", "second"} {
			t.Run(own.Kind.String()+" "+slot, func(t *testing.T) {
				r := guessing(t)
				r.unseal()
				r.everySlot()
				at := func(secret string) vault.SlotSecret {
					return vault.SlotSecret{Kind: vault.SlotPassword, Slot: slot, Secret: []byte(secret)}
				}
				guess := func(want vault.Code) {
					t.Helper()
					_, err := r.RemoveSlot(ctx, at("guess"), "key-file")
					r.wantCode(err, want)
					// The secret is right, and nothing changes: that slot has no password.
					_, err = r.ChangeSlotPassword(ctx, own, "key-file", []byte("another password"), iterations)
					r.wantCode(err, vault.CodeBadArgument)
				}
				for range quota.Passwords.Free {
					guess(vault.CodeWrongPassword)
				}
				for range 2 * quota.Passwords.Free {
					guess(vault.CodeUnlockThrottled)
				}
				r.restart()
				_, err := r.UnsealWith(ctx, at(newPassword), false)
				r.wantCode(err, vault.CodeUnlockThrottled) // the right one too
				if slot == "" && own.Kind == vault.SlotPassword {
					r.opens(own, "") // other slots are as they were
					r.close()
				}
				r.clock.Advance(quota.Passwords.Most)
				if _, err = r.UnsealWith(ctx, at(newPassword), false); err != nil {
					t.Fatal(err)
				}
				_, err = r.RemoveSlot(ctx, vault.SlotSecret{Slot: "second", Secret: []byte("guess")}, "key-file")
				r.wantCode(err, vault.CodeWrongPassword) // a clean slate
			})
		}
	}
}

func TestPasswordOfANamedSlotChanges(t *testing.T) {
	r := newRig(t)
	r.everySlot()
	const third = "a third password"
	// The password says which slot it is of.
	if _, err := r.ChangePassword(ctx, []byte(newPassword), []byte(third), iterations); err != nil {
		t.Fatal(err)
	}
	r.opens(withPassword(newPassword), vault.CodeWrongPassword)
	r.opens(vault.SlotSecret{Slot: "second", Secret: []byte(third)}, "")
	r.opens(vault.SlotSecret{Slot: "password", Secret: []byte(password)}, "")
	// A forgotten one is replaced with the secret of another slot.
	_, err := r.ChangeSlotPassword(ctx, with(vault.SlotRecovery), "", []byte(newPassword), iterations)
	r.wantCode(err, vault.CodeBadArgument)
	_, err = r.ChangeSlotPassword(ctx, with(vault.SlotRecovery), "tpm", []byte(newPassword), iterations)
	r.wantCode(err, vault.CodeBadArgument)
	if _, err := r.ChangeSlotPassword(ctx, with(vault.SlotRecovery), "password", []byte(newPassword), iterations); err != nil {
		t.Fatal(err)
	}
	r.close()
	for _, p := range []string{newPassword, third} {
		if _, err := r.Unseal(ctx, []byte(p), false); err != nil {
			t.Fatal(err)
		}
		r.close()
	}
	_, err = r.Unseal(ctx, []byte(password), false)
	r.wantCode(err, vault.CodeWrongPassword)
}

// What a power cut leaves of adding and of removing a slot: one of the two headers, whole.
func TestUnsealAfterInterruptedSlotChange(t *testing.T) {
	for name, change := range map[string]func(*rig) error{
		"add": func(r *rig) error {
			_, err := r.AddSlot(ctx, withPassword(password), vault.NewSlot{Kind: vault.SlotTPM, Secret: secretOf(vault.SlotTPM)})
			return err
		},
		"remove": func(r *rig) error {
			_, err := r.RemoveSlot(ctx, withPassword(password), "key-file")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.addSlot(vault.NewSlot{Kind: vault.SlotKeyFile, Secret: secretOf(vault.SlotKeyFile)})
			var copies []vault.Options
			var steps []string
			r.OnHeaderStep(func(step string) {
				o := r.opts
				base := t.TempDir()
				o.Dir, o.AnchorPath = filepath.Join(base, "vault"), filepath.Join(base, "anchor")
				anchor, err := os.ReadFile(r.opts.AnchorPath)
				if err := errors.Join(err, os.CopyFS(o.Dir, os.DirFS(r.dir)), os.WriteFile(o.AnchorPath, anchor, 0o600)); err != nil {
					t.Error(err)
				}
				private(t, o.Dir)
				copies, steps = append(copies, o), append(steps, step)
			})
			if err := change(r); err != nil {
				t.Fatal(err)
			}
			if len(copies) != len(headerSteps) {
				t.Fatalf("%d steps", len(copies))
			}
			for i, o := range copies {
				opens := func(s vault.SlotSecret) bool {
					v, err := vault.New(o)
					if err != nil {
						t.Fatal(err)
					}
					defer v.Close()
					_, err = v.UnsealWith(ctx, s, false)
					if err != nil && code(err) != vault.CodeSlotNotFound {
						t.Fatalf("%s: %v", steps[i], err)
					}
					return err == nil
				}
				changed := i > 0
				wantFile, wantTPM := true, changed
				if name == "remove" {
					wantFile, wantTPM = !changed, false
				}
				if !opens(withPassword(password)) || opens(with(vault.SlotKeyFile)) != wantFile || opens(with(vault.SlotTPM)) != wantTPM {
					t.Errorf("%s: not exactly one of the two headers is in force", steps[i])
				}
			}
		})
	}
}

// A header from before a removal, put back, is noticed by the anchor.
func TestRemovedSlotDoesNotComeBackUnnoticed(t *testing.T) {
	r := newRig(t)
	r.addSlot(vault.NewSlot{Kind: vault.SlotKeyFile, Secret: secretOf(vault.SlotKeyFile)})
	old := r.header()
	if _, err := r.RemoveSlot(ctx, withPassword(password), "key-file"); err != nil {
		t.Fatal(err)
	}
	r.close()
	for _, name := range []string{"header", "header.backup"} {
		if err := os.WriteFile(filepath.Join(r.dir, name), old, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := r.UnsealWith(ctx, with(vault.SlotKeyFile), false)
	r.wantCode(err, vault.CodeStoreRolledBack)
}

// Who has forgotten every password repairs with the secret of any other slot.
func TestRepairWithAnySlot(t *testing.T) {
	r := newRig(t)
	r.addSlot(vault.NewSlot{Kind: vault.SlotRecovery, Secret: secretOf(vault.SlotRecovery)})
	if _, err := r.RemoveSlot(ctx, with(vault.SlotRecovery), "password"); err != nil {
		t.Fatal(err)
	}
	if err := r.Vault.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(r.dir, "header"), 10); err != nil {
		t.Fatal(err)
	}
	o := vault.CheckOptions{Dir: r.dir, AnchorPath: r.opts.AnchorPath, With: with(vault.SlotRecovery)}
	for name, c := range map[string]struct {
		with vault.SlotSecret
		want vault.Code
	}{
		"a password":  {withPassword(password), vault.CodeSlotNotFound},
		"other words": {vault.SlotSecret{Kind: vault.SlotRecovery, Secret: secretOf(9)}, vault.CodeWrongPassword},
		"half of it":  {vault.SlotSecret{Kind: vault.SlotRecovery, Secret: secretOf(9)[:9]}, vault.CodeBadArgument},
	} {
		wrong := o
		wrong.With = c.with
		if _, err := vault.Repair(ctx, wrong); code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	report, err := vault.Repair(ctx, o)
	if err != nil || !report.OK() || !report.Complete {
		t.Fatal(report, err)
	}
	r.open()
	if _, err := r.UnsealWith(ctx, with(vault.SlotRecovery), false); err != nil {
		t.Fatal(err)
	}
}
