package vault

import (
	"bytes"
	"context"
	"crypto"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/crypto/kdf"
	"github.com/vaultd/vaultd/vault/store"
)

// The kinds of records.
const (
	KindKey        = kindKey
	KindMaterial   = kindMaterial
	KindDEK        = kindDEK
	KindOwner      = kindOwner
	KindRevocation = kindRevocation
	KindPrincipal  = kindPrincipal
	KindToken      = kindToken
)

// Tamper commits what change makes of a record's body, deleting the record for
// nil, behind the back of the index in memory. A record that is not there has
// no body. It returns the body from before.
func (v *Vault) Tamper(t testing.TB, kind store.Kind, path string, change func([]byte) []byte) []byte {
	t.Helper()
	s, id := v.opened.store, store.ID{Kind: kind, Path: path}
	rec, err := s.Get(id)
	if err != nil && err != store.ErrNotFound {
		t.Fatal(err)
	}
	b := store.Batch{Deletes: []store.ID{id}}
	if body := change(bytes.Clone(rec.Body)); body != nil {
		b = store.Batch{Puts: []store.Put{{ID: id, Body: body, Expect: rec.Version}}}
	}
	if err := s.Commit(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	return rec.Body
}

// DecodedText is the binary form of a vd1 ciphertext, and EncodedText the text form.
func DecodedText(t testing.TB, text []byte) []byte {
	t.Helper()
	b, err := envelope.DecodeText(nil, text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// EncodedText is the inverse of DecodedText.
func EncodedText(binary []byte) []byte { return envelope.EncodeText(nil, binary) }

// OnHeaderStep has fn called after each step of replacing the header files.
func (v *Vault) OnHeaderStep(fn func(step string)) { v.files.reached = fn }

// CheapKDF is kdf.Derive with the same bounds and a ten-thousandth of the
// iterations. Tests unseal hundreds of times.
func CheapKDF(password []byte, p kdf.Params) ([]byte, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return kdf.PBKDF2(crypto.SHA256, password, p.Salt, p.Iterations/10_000, kdf.DerivedSize)
}

func init() { deriveSlotKey = CheapKDF }

// realKDF has the rest of a test derive keys as the program does.
func realKDF(t *testing.T) {
	deriveSlotKey = kdf.Derive
	t.Cleanup(func() { deriveSlotKey = CheapKDF })
}

// BeforeKDF has fn called before each derivation of a slot's key, for the rest of a test.
func BeforeKDF(t *testing.T, fn func()) {
	deriveSlotKey = func(password []byte, p kdf.Params) ([]byte, error) {
		fn()
		return CheapKDF(password, p)
	}
	t.Cleanup(func() { deriveSlotKey = CheapKDF })
}

// ForgetCensus has the next census and the next sum of file sizes taken anew.
func (v *Vault) ForgetCensus() {
	v.opened.census.taken = time.Time{}
	v.bytes.forget()
}

// OnStep has fn called after each step of a restore.
func (o *RestoreOptions) OnStep(fn func(step string)) { o.reached = fn }

// RotateDue does what the timekeeper does of scheduled rotations, and waits for
// one that it is doing.
func (v *Vault) RotateDue(ctx context.Context) error { return v.rotateDue(ctx, v.opened) }
