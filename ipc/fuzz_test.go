package ipc

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/fault"
	"github.com/vaultd/vaultd/vault/policy"
)

// FuzzRequest decodes arbitrary bytes as any method's request and performs it
// on a real vault, as a user and as an administrator. Whatever comes in, an
// answer or an error for users comes out.
func FuzzRequest(f *testing.F) {
	v, err := vault.New(vault.Options{Dir: filepath.Join(f.TempDir(), "vault")})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = v.Close() })
	if _, err := v.Init(f.Context(), []byte("fuzzing"), 600_000); err != nil {
		f.Fatal(err)
	}
	name, err := vault.ParseName("alice/k")
	if err != nil {
		f.Fatal(err)
	}
	if _, err := v.CreateKey(f.Context(), vault.CreateKey{Name: name}); err != nil {
		f.Fatal(err)
	}
	s := NewServer(Config{Vault: v, Policy: &policy.Policy{DaemonUID: 1}, Log: slog.New(slog.DiscardHandler)})
	seal, err := (&vaultdv1.EncryptRequest{Key: "alice/k", Plaintext: []byte("x"), Context: []*vaultdv1.ContextPair{{Name: "a", Value: "b"}}}).MarshalVT()
	if err != nil {
		f.Fatal(err)
	}
	for _, m := range methods {
		f.Add(m.number, []byte{}, true)
		f.Add(m.number, seal, false)
		f.Add(m.number, []byte("\x0a\x07alice/k\x10\x01\x1a\x02\x08\x01"), true)
	}
	f.Fuzz(func(t *testing.T, number uint16, body []byte, admin bool) {
		m := methodByNumber(number % methodNumbers)
		// Key derivation and primes take too long, and sealing ends the fun.
		if m == nil || m.expensive != nil || m.name == "Seal" {
			return
		}
		who := &policy.Principal{UID: 1000, User: "alice"}
		c := &call{who: who, caller: s.policy.Caller(who), form: FormFrames}
		if admin {
			c.who = &policy.Principal{UID: 0, User: "root"}
			c.caller = s.policy.Caller(c.who)
		}
		req := m.newRequest()
		decode := req.UnmarshalVT
		if m.aliases {
			decode = req.UnmarshalVTUnsafe
		}
		if decode(body) != nil {
			return
		}
		resp, failure := s.invoke(context.WithValue(t.Context(), callKey{}, c), c, m, req)
		switch {
		case failure == nil && resp == nil:
			t.Fatalf("%s: neither an answer nor an error", m.name)
		case failure == nil:
			if _, err := resp.MarshalToSizedBufferVT(make([]byte, resp.SizeVT())); err != nil {
				t.Fatalf("%s: the answer does not encode: %v", m.name, err)
			}
		case failure.Code == fault.CodeInternal:
			t.Fatalf("%s: %v", m.name, failure)
		}
	})
}
