package vault_test

import (
	"testing"

	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/vault"
)

func TestFingerprintOfEveryVersion(t *testing.T) {
	r := newRig(t)
	r.create("alice/k", "")
	for range 2 {
		if _, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name("alice/k")}); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string) {
		t.Helper()
		k, err := r.ShowKey(ctx, r.name("alice/k"))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range k.Versions {
			if got, want := r.Fingerprint("alice", "k", v.Number), keytype.FormatFingerprint(v.Fingerprint); got != want {
				t.Errorf("%s, version %d: %q, want %q", when, v.Number, got, want)
			}
		}
		for _, none := range []struct {
			name    string
			version uint32
		}{{"k", 0}, {"k", 4}, {"none", 1}, {"", 1}} {
			if got := r.Fingerprint("alice", none.name, none.version); got != "" {
				t.Errorf("%s, %q version %d: %q", when, none.name, none.version, got)
			}
		}
	}
	check("fresh")
	r.reopen()
	check("before any use")
	c := r.encrypt("alice/k", "x")
	check("with one version loaded")
	if _, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name("alice/k")}); err != nil {
		t.Fatal(err)
	}
	r.mustDecrypt("alice/k", c, "x")
	if got, want := r.Fingerprint("alice", "k", 4), r.Fingerprint("alice", "k", 3); got == "" || got == want {
		t.Errorf("version 4 has %q", got)
	}
	if _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name("alice/k"), Version: 3}); err != nil {
		t.Fatal(err)
	}
	if r.Fingerprint("alice", "k", 3) == "" {
		t.Error("a destroyed version has no fingerprint any more")
	}
	if err := r.Seal(); err != nil {
		t.Fatal(err)
	}
	if got := r.Fingerprint("alice", "k", 1); got != "" {
		t.Errorf("sealed: %q", got)
	}
}

func TestFingerprintOfUsedVersionAllocatesNothing(t *testing.T) {
	r := newRig(t)
	r.create("alice/k", "")
	if n := testing.AllocsPerRun(100, func() { _ = r.Fingerprint("alice", "k", 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFingerprint(b *testing.B) {
	r := newRig(b)
	r.create("alice/k", "")
	b.ReportAllocs()
	for b.Loop() {
		_ = r.Fingerprint("alice", "k", 1)
	}
}
