package vault_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/envelope"
	"github.com/vaultd/vaultd/vault"
)

const (
	password   = "correct horse battery staple"
	iterations = 600_000
)

var ctx = context.Background()

// testClock is a clock that a test moves.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func newTestClock() *testClock {
	return &testClock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bench is what a test needs of testing.TB.
type rig struct {
	testing.TB
	*vault.Vault
	clock *testClock
	dir   string
	opts  vault.Options
}

// newRig makes an unsealed vault in a directory of its own.
func newRig(tb testing.TB) *rig {
	tb.Helper()
	base := tb.TempDir()
	r := &rig{TB: tb, clock: newTestClock(), dir: filepath.Join(base, "vault")}
	r.opts = vault.Options{
		Dir: r.dir, AnchorPath: filepath.Join(base, "anchor"), Now: r.clock.Now,
		MinFree: 1 << 20, Ballast: 1 << 20,
	}
	r.open()
	if _, err := r.Init(ctx, []byte(password), iterations); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = r.Vault.Close() })
	return r
}

// open makes a new Vault over the same directory.
func (r *rig) open() {
	r.Helper()
	v, err := vault.New(r.opts)
	if err != nil {
		r.Fatal(err)
	}
	r.Vault = v
}

// reopen closes the vault and opens it again, as a restart of the daemon does.
func (r *rig) reopen() {
	r.Helper()
	if err := r.Vault.Close(); err != nil {
		r.Fatal(err)
	}
	r.open()
	r.unseal()
}

func (r *rig) unseal() {
	r.Helper()
	if _, err := r.Unseal(ctx, []byte(password), false); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) name(s string) vault.Name {
	r.Helper()
	n, err := vault.ParseName(s)
	if err != nil {
		r.Fatal(err)
	}
	return n
}

func (r *rig) create(name, typ string) vault.KeyInfo {
	r.Helper()
	return r.createWith(vault.CreateKey{Name: r.name(name), Type: typ})
}

func (r *rig) createWith(c vault.CreateKey) vault.KeyInfo {
	r.Helper()
	info, err := r.CreateKey(ctx, c)
	if err != nil {
		r.Fatal(err)
	}
	return info
}

func (r *rig) encrypt(name, plaintext string, pairs ...string) []byte {
	r.Helper()
	c, _, err := r.Encrypt(vault.Encrypt{Key: r.name(name), Plaintext: []byte(plaintext), Context: r.context(pairs...)}, nil)
	if err != nil {
		r.Fatal(err)
	}
	return c
}

func (r *rig) context(pairs ...string) envelope.Context {
	r.Helper()
	c, err := envelope.ParseContext(pairs...)
	if err != nil {
		r.Fatal(err)
	}
	return c
}

func (r *rig) decrypt(name string, ciphertext []byte, pairs ...string) (string, error) {
	r.Helper()
	d := vault.Decrypt{Ciphertext: ciphertext, Context: r.context(pairs...)}
	if name != "" {
		d.Key = r.name(name)
	}
	p, _, err := r.Decrypt(d, nil)
	return string(p), err
}

func (r *rig) mustDecrypt(name string, ciphertext []byte, want string, pairs ...string) {
	r.Helper()
	got, err := r.decrypt(name, ciphertext, pairs...)
	if err != nil || got != want {
		r.Fatalf("decrypt: %q, %v; want %q", got, err, want)
	}
}

// wantCode checks that err is an Error of that code.
// wantCode checks an error by its code, an empty one for none.
func (r *rig) wantCode(err error, code vault.Code) {
	r.Helper()
	if code == "" && err == nil {
		return
	}
	var e *vault.Error
	if !errors.As(err, &e) || e.Code != code {
		r.Fatalf("got error %v, want %s", err, code)
	}
}

func TestThinSlice(t *testing.T) {
	r := newRig(t)
	info := r.create("alice/data", "")
	if info.Type != vault.DefaultType || info.State != vault.StateActive || info.Version != 1 {
		t.Fatalf("created %+v", info)
	}
	c := r.encrypt("alice/data", "attack at dawn", "table=users", "row=7")
	if !bytes.HasPrefix(c, []byte("vd1:")) {
		t.Fatalf("ciphertext is %q", c)
	}
	r.mustDecrypt("alice/data", c, "attack at dawn", "row=7", "table=users")
	r.mustDecrypt("", c, "attack at dawn", "row=7", "table=users")

	if err := r.Seal(); err != nil {
		t.Fatal(err)
	}
	_, err := r.decrypt("", c)
	r.wantCode(err, vault.CodeSealed)
	_, err = r.Unseal(ctx, []byte("wrong"), false)
	r.wantCode(err, vault.CodeWrongPassword)
	r.unseal()
	r.mustDecrypt("", c, "attack at dawn", "row=7", "table=users")
	r.reopen()
	r.mustDecrypt("alice/data", c, "attack at dawn", "row=7", "table=users")
	_, err = r.decrypt("alice/data", c, "row=8", "table=users")
	r.wantCode(err, vault.CodeInvalidCiphertext)
}
