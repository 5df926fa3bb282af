package ipc

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vaultd/vaultd/crypto/shares"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

const ownPassword = "correct horse battery staple"

// operators is a sealed vault that three of five shares open.
type operators struct {
	*service
	t      *testing.T
	shares [][]byte
	clock  *clock
}

func newOperators(t *testing.T) *operators {
	t.Helper()
	v, err := vault.New(vault.Options{Dir: filepath.Join(t.TempDir(), "vault")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	s := NewServer(Config{Vault: v, Policy: &policy.Policy{DaemonUID: 1}, Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(s.service.rules.close)
	t.Cleanup(s.service.shares.close)
	if _, err := v.Init(t.Context(), []byte(ownPassword), 600_000); err != nil {
		t.Fatal(err)
	}
	o := &operators{service: s.service, t: t, clock: newClock()}
	o.service.shares.now = o.clock.now
	o.shares = o.add("", 5, 3)
	if err := v.Seal(); err != nil {
		t.Fatal(err)
	}
	return o
}

// add makes a slot and returns its shares as they are written down.
func (o *operators) add(name string, n, k int) [][]byte {
	o.t.Helper()
	secret, all, err := shares.Split(n, k)
	if err != nil {
		o.t.Fatal(err)
	}
	_, err = o.AddSlot(context.Background(), &vaultdv1.AddSlotRequest{
		With: &vaultdv1.SlotSecret{Secret: []byte(ownPassword)}, Kind: vaultdv1.SlotKind_SLOT_KIND_SHARES, Name: name,
		Secret: secret, Params: shares.SetOf(all).Append(nil),
	})
	if err != nil {
		o.t.Fatal(err)
	}
	var texts [][]byte
	for i := range all {
		texts = append(texts, all[i].AppendText(nil))
	}
	return texts
}

func (o *operators) enter(share []byte, want fault.Code) *vaultdv1.EnterShareResponse {
	o.t.Helper()
	r, err := o.EnterShare(context.Background(), &vaultdv1.EnterShareRequest{Share: share})
	var known *fault.Error
	if errors.As(err, &known) && known.Code == want || err == nil && want == "" {
		return r
	}
	o.t.Fatalf("%v, want %q", err, want)
	return nil
}

// entered is how many shares are there, over all sets.
func (o *operators) entered() (n int) {
	for _, p := range o.service.shares.progress() {
		n += int(p.GetEntered())
	}
	return n
}

func TestEnoughSharesUnseal(t *testing.T) {
	o := newOperators(t)
	if r := o.enter(o.shares[4], ""); r.GetUnsealed() || r.GetIndex() != 5 || r.GetProgress().GetEntered() != 1 || r.GetProgress().GetThreshold() != 3 {
		t.Errorf("%v", r)
	}
	o.enter(o.shares[4], fault.CodeShareEntered)
	o.enter([]byte(strings.ToLower(string(o.shares[4]))), fault.CodeShareEntered) // the same in another hand
	o.enter(o.shares[0], "")
	if o.entered() != 2 || !o.vault.Status().Sealed {
		t.Fatalf("%d are entered, sealed: %v", o.entered(), o.vault.Status().Sealed)
	}
	if r := o.enter(o.shares[2], ""); !r.GetUnsealed() || r.GetProgress().GetEntered() != 3 {
		t.Errorf("%v", r)
	}
	if o.vault.Status().Sealed || o.vault.UnsealedWith() != "shares" || o.entered() != 0 {
		t.Errorf("sealed: %v, by %q, %d shares left", o.vault.Status().Sealed, o.vault.UnsealedWith(), o.entered())
	}
	o.enter(o.shares[1], fault.CodeUnsealed)
}

// What is no share of this vault is told at once, and takes nothing away.
func TestWrongShareIsToldAtOnce(t *testing.T) {
	o := newOperators(t)
	o.enter(o.shares[0], "")
	secret, other, err := shares.Split(5, 3)
	if err != nil {
		t.Fatal(err)
	}
	clear(secret)
	typo := []byte(string(o.shares[1]))
	typo[3] ^= 1
	for name, bad := range map[string][]byte{
		"of another vault": other[1].AppendText(nil), "mistyped": typo, "nothing": nil, "a password": []byte(ownPassword), "endless": make([]byte, 1<<16),
	} {
		if _, err := o.EnterShare(context.Background(), &vaultdv1.EnterShareRequest{Share: bad}); !errors.Is(err, fault.E(fault.CodeInvalidShare, "")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if o.entered() != 1 {
		t.Errorf("%d are entered", o.entered())
	}
}

// Shares of two slots go their own ways, and never make up a set together.
func TestSharesOfTwoSlots(t *testing.T) {
	o := newOperators(t)
	if _, err := o.Unseal(context.Background(), &vaultdv1.UnsealRequest{Password: []byte(ownPassword)}); err != nil {
		t.Fatal(err)
	}
	board := o.add("board", 3, 2)
	if err := o.vault.Seal(); err != nil {
		t.Fatal(err)
	}
	o.enter(o.shares[0], "")
	o.enter(o.shares[1], "")
	o.enter(board[0], "")
	if !o.vault.Status().Sealed || o.entered() != 3 {
		t.Fatalf("sealed: %v, %d shares", o.vault.Status().Sealed, o.entered())
	}
	if r := o.enter(board[2], ""); !r.GetUnsealed() || o.vault.UnsealedWith() != "board" || o.entered() != 0 {
		t.Errorf("%v; by %q, %d shares left", r, o.vault.UnsealedWith(), o.entered())
	}
}

func TestSharesAreForgotten(t *testing.T) {
	o := newOperators(t)
	o.enter(o.shares[0], "")
	o.clock.pass(shareTime / 2)
	o.enter(o.shares[1], "")
	o.clock.pass(shareTime / 2)
	if o.entered() != 1 {
		t.Errorf("%d are left of two, the first after its time", o.entered())
	}
	if r := o.enter(o.shares[2], ""); r.GetUnsealed() || r.GetProgress().GetEntered() != 2 {
		t.Errorf("an expired share counts: %v", r)
	}
	r, err := o.ResetShares(context.Background(), &vaultdv1.ResetSharesRequest{})
	if err != nil || r.GetForgotten() != 2 || o.entered() != 0 {
		t.Errorf("%v, %v", r, err)
	}
	o.enter(o.shares[0], "")
	if _, err := o.Unseal(context.Background(), &vaultdv1.UnsealRequest{Password: []byte(ownPassword)}); err != nil {
		t.Fatal(err)
	}
	if o.entered() != 0 {
		t.Error("shares outlive the unseal by another way")
	}
	if err := o.service.seal(vault.SealedByRequest, ""); err != nil {
		t.Fatal(err)
	}
	o.enter(o.shares[0], "")
	if err := o.service.seal(vault.SealedBySuspend, ""); err != nil {
		t.Fatal(err)
	}
	if o.entered() != 0 {
		t.Error("shares are in memory while the machine sleeps")
	}
}

// Whoever unseals has the desk cleared; a share that comes at the same moment is not left
// on it until the vault is sealed again.
func TestShareThatComesTooLateIsNotKept(t *testing.T) {
	o := newOperators(t)
	var once sync.Once
	o.service.shares.now = func() time.Time { // the share is about to be added
		once.Do(func() {
			if _, err := o.vault.Unseal(context.Background(), []byte(ownPassword), false); err != nil {
				t.Error(err)
			}
		})
		return o.clock.now()
	}
	o.enter(o.shares[0], fault.CodeUnsealed)
	if o.entered() != 0 {
		t.Error("the share is kept")
	}
}

// Nobody has to ask for the time to run out.
func TestSharesExpireByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newShareDesk()
		_, all, err := shares.Split(3, 2)
		if err != nil {
			t.Fatal(err)
		}
		d.add("shares", &all[0])
		time.Sleep(shareTime / 3)
		d.add("shares", &all[1])
		left := func() int {
			synctest.Wait()
			d.mu.Lock()
			defer d.mu.Unlock()
			n := 0
			for _, set := range d.sets {
				n += len(set.shares)
			}
			return n
		}
		time.Sleep(shareTime * 2 / 3)
		if n := left(); n != 1 {
			t.Errorf("%d are left when the first expires", n)
		}
		time.Sleep(shareTime / 3)
		if n := left(); n != 0 {
			t.Errorf("%d are left when the second expires", n)
		}
		d.close()
	})
}

// A set whose shares are as they were made, and do not open the slot: somebody put
// another description beside it. All that was entered is forgotten.
func TestSharesThatDoNotOpenAreForgotten(t *testing.T) {
	o := newOperators(t)
	if _, err := o.Unseal(context.Background(), &vaultdv1.UnsealRequest{Password: []byte(ownPassword)}); err != nil {
		t.Fatal(err)
	}
	_, all, err := shares.Split(3, 2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.AddSlot(context.Background(), &vaultdv1.AddSlotRequest{
		With: &vaultdv1.SlotSecret{Secret: []byte(ownPassword)}, Kind: vaultdv1.SlotKind_SLOT_KIND_SHARES, Name: "odd",
		Secret: make([]byte, 32), Params: shares.SetOf(all).Append(nil),
	}); err != nil {
		t.Fatal(err)
	}
	if err := o.vault.Seal(); err != nil {
		t.Fatal(err)
	}
	o.enter(all[0].AppendText(nil), "")
	o.enter(all[1].AppendText(nil), fault.CodeInvalidShare)
	if o.entered() != 0 || !o.vault.Status().Sealed {
		t.Errorf("%d are left, sealed: %v", o.entered(), o.vault.Status().Sealed)
	}
}

func TestSlotsRefuseForeignParameters(t *testing.T) {
	o := newOperators(t)
	for name, r := range map[string]*vaultdv1.AddSlotRequest{
		"shares without a set": {Kind: vaultdv1.SlotKind_SLOT_KIND_SHARES, Secret: make([]byte, 32), Params: []byte("x")},
		"key file with some":   {Kind: vaultdv1.SlotKind_SLOT_KIND_KEY_FILE, Secret: make([]byte, 32), Params: []byte("x")},
		"key file with PCRs":   {Kind: vaultdv1.SlotKind_SLOT_KIND_KEY_FILE, Secret: make([]byte, 32), Tpm: &vaultdv1.TPMBinding{}},
		"TPM with a secret":    {Kind: vaultdv1.SlotKind_SLOT_KIND_TPM, Secret: make([]byte, 32)},
		"TPM with PCR 23":      {Kind: vaultdv1.SlotKind_SLOT_KIND_TPM, Tpm: &vaultdv1.TPMBinding{Pcrs: []uint32{1 << 31}}},
	} {
		r.With = &vaultdv1.SlotSecret{Secret: []byte(ownPassword)}
		if name == "TPM with PCR 23" {
			o.tpm = "/nowhere"
		}
		if _, err := o.AddSlot(context.Background(), r); !errors.Is(err, fault.E(fault.CodeBadArgument, "")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
