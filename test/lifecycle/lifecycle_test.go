package lifecycle

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/ipc"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/policy"
)

// Shorter names of states.
const (
	preActivation = vaultdv1.KeyState_KEY_STATE_PRE_ACTIVATION
	active        = vaultdv1.KeyState_KEY_STATE_ACTIVE
	suspended     = vaultdv1.KeyState_KEY_STATE_SUSPENDED
	deactivated   = vaultdv1.KeyState_KEY_STATE_EXPIRED
	retired       = vaultdv1.KeyState_KEY_STATE_RETIRED
	revoked       = vaultdv1.KeyState_KEY_STATE_REVOKED
	compromised   = vaultdv1.KeyState_KEY_STATE_COMPROMISED
	pending       = vaultdv1.KeyState_KEY_STATE_PENDING_DESTRUCTION
	destroyed     = vaultdv1.KeyState_KEY_STATE_DESTROYED
)

// standard is what is legal, by SP 800-57 Part 1 Rev. 5 where it speaks.
// "stated" is processing of what its user, an administrator, states to be older.
var standard = map[vaultdv1.KeyState]string{
	// 7.1: not to apply protection nor to process; transitions 2, 3, 4.
	preActivation: "read rotate update schedule revoke destroy",
	// 7.2: to protect, to process; transitions 5 to 8.
	active: "protect process stated export read rotate update suspend schedule revoke destroy",
	// 7.3: never to protect; to process what was protected before, at one's own risk; transitions 9 to 12.
	suspended: "stated read rotate update resume schedule revoke destroy",
	// 7.4: never to protect; may process.
	deactivated: "process stated read rotate update suspend schedule revoke destroy",
	retired:     "read rotate update schedule revoke destroy",
	revoked:     "stated read schedule revoke destroy",
	// 7.5: never to protect; to process under highly controlled conditions.
	compromised: "stated read schedule revoke destroy",
	pending:     "read cancel revoke destroy",
	// 7.6: gone; a compromise found later is recorded.
	destroyed: "read revoke",
}

// bed is a served vault whose clock a test moves.
type bed struct {
	*client.Client
	vault *vault.Vault
	now   atomic.Int64
}

var begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newBed(t *testing.T) *bed {
	t.Helper()
	dir, err := os.MkdirTemp("", "vaultd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	b := &bed{}
	b.now.Store(begin.UnixNano())
	if b.vault, err = vault.New(vault.Options{
		Dir: filepath.Join(dir, "vault"), Now: func() time.Time { return time.Unix(0, b.now.Load()).UTC() },
		MinFree: 1 << 20, Ballast: 1 << 20,
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.vault.Close() })
	server := ipc.NewServer(ipc.Config{
		Vault: b.vault, Policy: &policy.Policy{DaemonUID: uint32(os.Getuid())}, Log: slog.New(slog.DiscardHandler), //nolint:gosec // a uid
		Limits: ipc.Limits{RequestsPerSecond: 1e6, RequestBurst: 1e6, ChangesPerSecond: 1e6, ChangeBurst: 1e6},
	})
	if _, err := b.vault.Init(t.Context(), []byte("correct horse battery"), 600_000); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	l, err := ipc.Listen(socket, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background(), l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = server.Shutdown(ctx)
		<-served
	})
	if b.Client, err = client.Dial(t.Context(), client.WithSocket(socket)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Client.Close() })
	return b
}

// kind is what keys of one type do.
type kind struct {
	typ      *keytype.Type
	uses     []vaultdv1.KeyUse
	material []byte // of every key of it, so that one fixture is of all
	format   vaultdv1.PrivateKeyFormat
	data     []byte
	shared   []byte // of the encapsulation in data
	peer     []byte
}

func (b *bed) newKind(t *testing.T, typ *keytype.Type, uses ...vaultdv1.KeyUse) *kind {
	t.Helper()
	k := &kind{typ: typ, uses: uses, format: vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_RAW}
	if typ.Asymmetric() {
		k.format = vaultdv1.PrivateKeyFormat_PRIVATE_KEY_FORMAT_PKCS8_PEM
	}
	name := "lab/base-" + typ.Name + strconv.Itoa(len(uses))
	if _, err := b.CreateKey(t.Context(), &vaultdv1.CreateKeyRequest{Name: name, Type: typ.Name, Uses: uses, Exportable: true, NoExpiry: true}); err != nil {
		t.Fatal(err)
	}
	out, err := b.ExportKey(t.Context(), &vaultdv1.ExportKeyRequest{Name: name, Format: k.format})
	if err != nil {
		t.Fatal(err)
	}
	k.material = out.GetMaterial()
	if typ.Uses&keytype.UseAgree != 0 {
		p, err := b.PublicKey(t.Context(), &vaultdv1.PublicKeyRequest{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		k.peer = p.GetPublicKey()
	}
	if k.data, err = b.protect(t.Context(), k, name); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *kind) encrypts() bool { return k.does(keytype.UseEncrypt) }

// does reports whether keys of the kind have that use.
func (k *kind) does(use keytype.Use) bool {
	if len(k.uses) > 0 {
		return use&(keytype.UseEncrypt|keytype.UseDecrypt) != 0 // the only ones that a kind here names
	}
	return k.typ.DefaultUses&use != 0
}

// processes reports whether keys process what others protected, and stated
// whether that can be said to be older.
func (k *kind) processes() bool { return !k.does(keytype.UseAgree) }

func (k *kind) stated() bool {
	// Tokens say when they were made, which no statement here is later than.
	return k.processes() && k.typ.Name != "fernet" && (k.encrypts() || k.does(keytype.UseMAC|keytype.UseSign))
}

// signsOnly is written down here again: SP 800-57, 7.2, transition 5.
func (k *kind) signsOnly() bool { return k.does(keytype.UseSign) && len(k.uses) == 0 }

func (b *bed) protect(ctx context.Context, k *kind, name string) ([]byte, error) {
	switch {
	case k.encrypts():
		r, err := b.Encrypt(ctx, &vaultdv1.EncryptRequest{Key: name, Plaintext: []byte("data")})
		return []byte(r.GetCiphertext()), err
	case k.does(keytype.UseMAC):
		r, err := b.MAC(ctx, &vaultdv1.MACRequest{Key: name, Message: []byte("data")})
		return r.GetMac(), err
	case k.does(keytype.UseAgree):
		r, err := b.Agree(ctx, &vaultdv1.AgreeRequest{Key: name, PeerPublicKey: k.peer})
		return r.GetOutput(), err
	case k.does(keytype.UseDerive):
		r, err := b.Derive(ctx, &vaultdv1.DeriveRequest{Key: name})
		return r.GetOutput(), err
	case k.does(keytype.UseEncapsulate):
		r, err := b.Encapsulate(ctx, &vaultdv1.EncapsulateRequest{Key: name})
		if k.shared == nil {
			k.shared = r.GetOutput()
		}
		return r.GetCiphertext(), err
	case k.does(keytype.UseWrap):
		r, err := b.WrapKey(ctx, &vaultdv1.WrapKeyRequest{Key: "lab/parcel", WrappingKey: name})
		return r.GetWrapped(), err
	}
	r, err := b.Sign(ctx, &vaultdv1.SignRequest{Key: name, Message: []byte("data")})
	return r.GetSignature(), err
}

// process opens or verifies what another copy of the key protected. Keys that
// agree process nothing.
func (b *bed) process(ctx context.Context, k *kind, name string, at *timestamppb.Timestamp) error {
	switch {
	case k.encrypts():
		r, err := b.Decrypt(ctx, &vaultdv1.DecryptRequest{Key: name, Ciphertext: string(k.data), ProtectedAt: at})
		return right(string(r.GetPlaintext()) == "data", err)
	case k.does(keytype.UseMAC):
		r, err := b.VerifyMAC(ctx, &vaultdv1.VerifyMACRequest{Key: name, Message: []byte("data"), Mac: k.data, ProtectedAt: at})
		return right(r.GetValid(), err)
	case k.does(keytype.UseDerive): // again, by its number
		r, err := b.Derive(ctx, &vaultdv1.DeriveRequest{Key: name, Version: 1})
		return right(bytes.Equal(r.GetOutput(), k.data), err)
	case k.does(keytype.UseEncapsulate):
		r, err := b.Decapsulate(ctx, &vaultdv1.DecapsulateRequest{Key: name, Ciphertext: k.data})
		return right(bytes.Equal(r.GetOutput(), k.shared), err)
	case k.does(keytype.UseWrap):
		r, err := b.UnwrapKey(ctx, &vaultdv1.UnwrapKeyRequest{
			Name: name + "-parcel", UnwrappingKey: name, Wrapped: k.data, Type: "xaes-256-gcm",
		})
		return right(r.GetKey() != nil, err)
	}
	r, err := b.Verify(ctx, &vaultdv1.VerifyRequest{Key: name, Message: []byte("data"), Signature: k.data, ProtectedAt: at})
	return right(r.GetValid(), err)
}

// right is err, or that an answer was not the right one.
func right(ok bool, err error) error {
	if err == nil && !ok {
		return errors.New("a wrong answer")
	}
	return err
}

// enter makes a key that is in a state once the clock has moved by two hours.
func (b *bed) enter(t *testing.T, k *kind, name string, state vaultdv1.KeyState) {
	ctx := t.Context()
	req := &vaultdv1.ImportKeyRequest{Name: name, Type: k.typ.Name, Material: slices.Clone(k.material), Format: k.format, Uses: k.uses, Exportable: true, NoExpiry: true}
	switch state {
	case preActivation:
		req.NotBefore = timestamppb.New(begin.Add(1000 * time.Hour))
	case deactivated:
		req.NoExpiry, req.Ttl = false, durationpb.New(time.Hour)
	case retired:
		req.NoExpiry, req.Ttl, req.ProcessTtl = false, durationpb.New(time.Hour), durationpb.New(90*time.Minute)
	}
	_, err := b.ImportKey(ctx, req)
	if err == nil {
		switch state {
		case suspended:
			_, err = b.SuspendKey(ctx, &vaultdv1.SuspendKeyRequest{Name: name})
		case revoked:
			_, err = b.RevokeKey(ctx, &vaultdv1.RevokeKeyRequest{Name: name, ReasonCode: vaultdv1.RevocationReason_REVOCATION_REASON_SUPERSEDED})
		case compromised:
			_, err = b.RevokeKey(ctx, &vaultdv1.RevokeKeyRequest{Name: name, ReasonCode: vaultdv1.RevocationReason_REVOCATION_REASON_KEY_COMPROMISE})
		case pending:
			_, err = b.DestroyKey(ctx, &vaultdv1.DestroyKeyRequest{Name: name, After: durationpb.New(1000 * time.Hour)})
		case destroyed:
			_, err = b.DestroyKey(ctx, &vaultdv1.DestroyKeyRequest{Name: name})
		}
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// do performs one operation.
func (b *bed) do(ctx context.Context, k *kind, name, op string) (err error) {
	switch op {
	case "protect":
		_, err = b.protect(ctx, k, name)
	case "process":
		err = b.process(ctx, k, name, nil)
	case "stated":
		err = b.process(ctx, k, name, timestamppb.New(begin.Add(-time.Hour)))
	case "export":
		_, err = b.ExportKey(ctx, &vaultdv1.ExportKeyRequest{Name: name, Format: k.format})
	case "read":
		_, err = b.ShowKey(ctx, &vaultdv1.ShowKeyRequest{Name: name})
	case "rotate":
		_, err = b.RotateKey(ctx, &vaultdv1.RotateKeyRequest{Name: name})
	case "update":
		_, err = b.UpdateKey(ctx, &vaultdv1.UpdateKeyRequest{Name: name, NoExpiry: true, NoProcessUntil: true})
	case "suspend":
		_, err = b.SuspendKey(ctx, &vaultdv1.SuspendKeyRequest{Name: name})
	case "resume":
		_, err = b.ResumeKey(ctx, &vaultdv1.ResumeKeyRequest{Name: name})
	case "schedule":
		_, err = b.DestroyKey(ctx, &vaultdv1.DestroyKeyRequest{Name: name, After: durationpb.New(time.Hour)})
	case "cancel":
		_, err = b.CancelDestruction(ctx, &vaultdv1.CancelDestructionRequest{Name: name})
	case "revoke":
		_, err = b.RevokeKey(ctx, &vaultdv1.RevokeKeyRequest{Name: name, ReasonCode: vaultdv1.RevocationReason_REVOCATION_REASON_KEY_COMPROMISE})
	case "destroy":
		_, err = b.DestroyKey(ctx, &vaultdv1.DestroyKeyRequest{Name: name})
	}
	return err
}

// Operations in an order in which those that were allowed leave the state for
// the next: what changes it gets a key of its own.
var (
	steady   = []string{"protect", "process", "stated", "export", "read"}
	changing = []string{"rotate", "update", "suspend", "resume", "schedule", "cancel", "revoke", "destroy"}
)

// legal is what the standard says of a cell, with the rules for types.
func legal(k *kind, state vaultdv1.KeyState, op string) bool {
	allowed := slices.Contains(strings.Fields(standard[state]), op)
	if k.signsOnly() && (state == deactivated || state == retired) && op == "update" {
		return false // 7.2, transition 5: the private half is destroyed, and is not extended
	}
	return allowed
}

func TestEveryStateOperationAndType(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, an administrator")
	}
	b := newBed(t)
	if _, err := b.CreateOwner(t.Context(), &vaultdv1.CreateOwnerRequest{Name: "lab"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.CreateKey(t.Context(), &vaultdv1.CreateKeyRequest{Name: "lab/parcel", Exportable: true}); err != nil {
		t.Fatal(err)
	}
	var kinds []*kind
	for _, typ := range keytype.All() {
		if testing.Short() && typ.Bits > 2048 {
			continue
		}
		kinds = append(kinds, b.newKind(t, typ))
	}
	rsa, _ := keytype.Lookup("rsa-2048")
	kinds = append(kinds, b.newKind(t, rsa, vaultdv1.KeyUse_KEY_USE_ENCRYPT, vaultdv1.KeyUse_KEY_USE_DECRYPT))

	type cell struct {
		k     *kind
		state vaultdv1.KeyState
		ops   []string
		name  string
	}
	var cells []cell
	for i, k := range kinds {
		for state := range standard {
			var refused []string
			add := func(ops ...string) {
				cells = append(cells, cell{k, state, ops, "lab/k" + strconv.Itoa(i) + "-" + strconv.Itoa(len(cells))})
			}
			for _, op := range changing {
				if legal(k, state, op) {
					add(op)
				} else {
					refused = append(refused, op)
				}
			}
			ops := append(slices.Clone(steady), refused...)
			ops = slices.DeleteFunc(ops, func(op string) bool {
				return op == "process" && !k.processes() || op == "stated" && !k.stated()
			})
			add(ops...)
		}
	}
	for _, c := range cells {
		b.enter(t, c.k, c.name, c.state)
	}
	if t.Failed() {
		t.FailNow()
	}
	b.now.Add(int64(2 * time.Hour))
	for _, c := range cells {
		shown, err := b.ShowKey(t.Context(), &vaultdv1.ShowKeyRequest{Name: c.name})
		if err != nil || shown.GetKey().GetState() != c.state {
			t.Errorf("%s is %s, wanted %s: %v", c.k.typ.Name, shown.GetKey().GetState(), c.state, err)
			continue
		}
		for _, op := range c.ops {
			err := b.do(t.Context(), c.k, c.name, op)
			if want := legal(c.k, c.state, op); (err == nil) != want {
				t.Errorf("%s, %s, %s: %v, the standard allows it: %v", c.k.typ.Name, c.state, op, err, want)
			}
			if err != nil && op == "protect" && !strings.Contains(err.Error(), ";") {
				t.Errorf("%s, %s: no way out in %q", c.k.typ.Name, c.state, err)
			}
		}
	}
}

// What the daemon prints is what the standard says.
func TestPrintedTableIsTheStandards(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, an administrator")
	}
	b := newBed(t)
	r, err := b.KeyStates(t.Context(), &vaultdv1.KeyStatesRequest{})
	if err != nil || len(r.GetStates()) != len(standard) {
		t.Fatalf("%d states: %v", len(r.GetStates()), err)
	}
	ours := map[string]string{
		"process_before": "stated", "process_by_admin": "stated", "schedule_destruction": "schedule", "cancel_destruction": "cancel",
	}
	for _, s := range r.GetStates() {
		var got []string
		for _, op := range s.GetAllows() {
			if name := ours[op]; name != "" {
				op = name
			}
			got = append(got, op)
		}
		if slices.Contains(got, "process") {
			got = append(got, "stated") // a statement is never needed for what is open
		}
		want := strings.Fields(standard[s.GetState()])
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s allows %v, the standard %v", s.GetState(), got, want)
		}
	}
}
