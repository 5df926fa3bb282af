//go:build unix

package tpm

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-tpm/tpm2"

	"github.com/vaultd/vaultd/test/rig"
)

func newSecret(t *testing.T) []byte {
	t.Helper()
	b := make([]byte, SecretLen)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return b
}

// sealed is a new secret and its blob.
func sealed(t *testing.T, tpm *rig.TPM, o Options) (data, blob []byte) {
	t.Helper()
	data = newSecret(t)
	kept := bytes.Clone(data)
	blob, err := Seal(tpm.Socket, data, o)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, data) {
		t.Fatal("sealing changed the secret of the caller")
	}
	if bytes.Contains(blob, data) {
		t.Fatal("the blob holds the secret in clear")
	}
	return data, blob
}

func wantSecret(t *testing.T, tpm *rig.TPM, blob, pin, want []byte) {
	t.Helper()
	got, err := Unseal(tpm.Socket, blob, pin)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Wipe()
	if !got.Equal(want) {
		t.Fatal("another secret came back")
	}
}

func wantError(t *testing.T, tpm *rig.TPM, blob, pin []byte, want error) {
	t.Helper()
	got, err := Unseal(tpm.Socket, blob, pin)
	if !errors.Is(err, want) {
		got.Wipe()
		t.Fatalf("%v, wanted %v", err, want)
	}
}

func TestSealedSecretOutlivesReboots(t *testing.T) {
	tpm := rig.StartTPM(t)
	data, blob := sealed(t, tpm, Options{})
	wantSecret(t, tpm, blob, nil, data)
	for range 2 {
		tpm.Reboot()
		wantSecret(t, tpm, blob, nil, data)
	}
	info, err := Inspect(blob)
	if diff := cmp.Diff(Info{PCRs: []int{7}, Unmeasured: []int{7}}, info); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
}

// Each call leaves the TPM as it found it: an emulator without a resource
// manager has room for three objects and as many sessions.
func TestNothingStaysInTheTPM(t *testing.T) {
	tpm := rig.StartTPM(t)
	data, blob := sealed(t, tpm, Options{PIN: []byte("123456")})
	for range 8 {
		wantSecret(t, tpm, blob, []byte("123456"), data)
		wantError(t, tpm, blob, nil, ErrNeedsPIN)
	}
	wantError(t, tpm, blob, []byte("000000"), ErrPIN)
	wantSecret(t, tpm, blob, []byte("123456"), data)
	for _, kind := range []tpm2.TPMHandle{0x80000000, 0x02000000, 0x03000000} { // transient objects, loaded and saved sessions
		if n := handles(t, tpm, kind); n != 0 {
			t.Errorf("%d handles of kind %#x are left", n, kind)
		}
	}
}

func handles(t *testing.T, tpm *rig.TPM, kind tpm2.TPMHandle) int {
	t.Helper()
	d, err := open(tpm.Socket)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	got, err := tpm2.GetCapability{Capability: tpm2.TPMCapHandles, Property: uint32(kind), PropertyCount: 16}.Execute(d)
	if err != nil {
		t.Fatal(err)
	}
	list, err := got.CapabilityData.Data.Handles()
	if err != nil {
		t.Fatal(err)
	}
	return len(list.Handle)
}

func TestChangedPCRRefusesUntilItIsAsBefore(t *testing.T) {
	tpm := rig.StartTPM(t)
	tpm.Extend(11, "kernel 1")
	data, blob := sealed(t, tpm, Options{PCRs: []int{11, 7, 7}})
	if info, err := Inspect(blob); err != nil || !slices.Equal(info.Unmeasured, []int{7}) {
		t.Errorf("%+v, %v", info, err)
	}
	tpm.Extend(4, "what nobody asked for")
	wantSecret(t, tpm, blob, nil, data)
	tpm.Extend(7, "another Secure Boot key")
	tpm.Extend(11, "kernel 2")
	_, err := Unseal(tpm.Socket, blob, nil)
	moved := new(PCRError)
	if !errors.As(err, &moved) || !slices.Equal(moved.Changed, []int{7, 11}) {
		t.Fatal(err)
	}
	tpm.Reboot()
	tpm.Extend(11, "kernel 1")
	wantSecret(t, tpm, blob, nil, data)
}

// readBack is a session that decrypts to what it was given.
type readBack struct {
	tpm2.Session
	secret []byte
}

func (r readBack) Decrypt(parameter []byte) error {
	copy(parameter, r.secret)
	return nil
}

func TestDecryptedAnswersAreWiped(t *testing.T) {
	answer := make([]byte, SecretLen)
	s := &tidySession{Session: readBack{secret: newSecret(t)}}
	if err := s.Decrypt(answer); err != nil || bytes.Equal(answer, make([]byte, SecretLen)) {
		t.Fatal("nothing was decrypted", err)
	}
	s.wipe()
	if !bytes.Equal(answer, make([]byte, SecretLen)) {
		t.Error("the library's copy of the secret is left in memory")
	}
}

// The values in the blob are there to be told. The TPM goes by its own.
func TestForgedPCRValuesDoNotOpen(t *testing.T) {
	tpm := rig.StartTPM(t)
	_, blob := sealed(t, tpm, Options{})
	tpm.Extend(7, "another Secure Boot key")
	p, err := parseBlob(blob)
	if err != nil {
		t.Fatal(err)
	}
	d, err := open(tpm.Socket)
	if err != nil {
		t.Fatal(err)
	}
	p.values, err = readPCRs(d, p.pcrs())
	d.close()
	if err != nil {
		t.Fatal(err)
	}
	_, err = Unseal(tpm.Socket, p.append(nil), nil)
	if moved := new(PCRError); !errors.As(err, &moved) {
		t.Fatal(err)
	}
	p.values, p.mask = p.values[:1], 1<<5 // a PCR that it was never bound to
	d, err = open(tpm.Socket)
	if err != nil {
		t.Fatal(err)
	}
	p.values, err = readPCRs(d, p.pcrs())
	d.close()
	if err != nil {
		t.Fatal(err)
	}
	_, err = Unseal(tpm.Socket, p.append(nil), nil)
	if moved := new(PCRError); !errors.As(err, &moved) {
		t.Fatal(err)
	}
}

func TestWrongPINsLock(t *testing.T) {
	tpm := rig.StartTPM(t)
	pin := []byte("längere PIN")
	data, blob := sealed(t, tpm, Options{PIN: pin})
	free, open := sealed(t, tpm, Options{})
	wantSecret(t, tpm, blob, pin, data)
	locked := new(LockedError)
	for i := 0; ; i++ {
		_, err := Unseal(tpm.Socket, blob, []byte("wrong PIN"))
		if errors.As(err, &locked) {
			if i == 0 {
				t.Fatal("locked at the first wrong PIN")
			}
			break
		}
		if !errors.Is(err, ErrPIN) || i > 64 {
			t.Fatalf("wrong PIN %d: %v", i, err)
		}
	}
	if locked.Each <= 0 {
		t.Error("it does not say how long it takes")
	}
	if _, err := Unseal(tpm.Socket, blob, pin); !errors.As(err, &locked) {
		t.Fatalf("the right PIN, while locked: %v", err)
	}
	wantSecret(t, tpm, open, nil, free) // no PIN, nothing to guess
}

// An authorization value that the library and the TPM read differently would
// make one PIN in eight wrong from the start.
func TestAuthorizationValuesHaveNoZeroByte(t *testing.T) {
	for i := range 16 {
		p := &blob{pin: true, salt: [saltLen]byte{byte(i)}}
		if v := p.authValue([]byte("123456")); len(v) != 32 || bytes.IndexByte(v, 0) >= 0 {
			t.Fatalf("salt %d: %d bytes", i, len(v))
		}
	}
}

func TestAnotherTPMRefuses(t *testing.T) {
	tpm, other := rig.StartTPM(t), rig.StartTPM(t)
	_, blob := sealed(t, tpm, Options{})
	wantError(t, other, blob, nil, ErrOther)

	// Nor does it open what is renamed to be its own.
	_, theirs := sealed(t, other, Options{})
	p, err := parseBlob(blob)
	if err != nil {
		t.Fatal(err)
	}
	q, err := parseBlob(theirs)
	if err != nil {
		t.Fatal(err)
	}
	p.parent = q.parent
	wantError(t, other, p.append(nil), nil, ErrMalformed)
}

func TestEveryAlteredByteRefuses(t *testing.T) {
	tpm := rig.StartTPM(t)
	_, blob := sealed(t, tpm, Options{})
	step := 1
	if testing.Short() {
		step = 7
	}
	for i := 0; i < len(blob); i += step {
		if at := 4 + nameLen; i >= at && i < at+saltLen {
			continue // the salt of a PIN that there is none of
		}
		wrong := bytes.Clone(blob)
		wrong[i] ^= 1
		if got, err := Unseal(tpm.Socket, wrong, nil); err == nil {
			got.Wipe()
			t.Errorf("byte %d of %d", i, len(blob))
		} else if errors.Is(err, ErrDevice) {
			t.Errorf("byte %d of %d: blamed on the TPM: %v", i, len(blob), err)
		}
	}
}

func TestWhatIsNoTPM(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{filepath.Join(dir, "nothing"): ErrNone, file: ErrNone, "/dev/null": ErrDevice} {
		if _, err := Seal(path, newSecret(t), Options{}); !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestOptionsAreBounded(t *testing.T) {
	for name, o := range map[string]Options{
		"PCR 16, which anybody resets": {PCRs: []int{16}}, "PCR -1": {PCRs: []int{-1}},
		"short PIN": {PIN: []byte("123")}, "long PIN": {PIN: []byte(strings.Repeat("1", 65))},
	} {
		if _, err := Seal("/nowhere", make([]byte, SecretLen), o); !errors.Is(err, ErrOptions) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
