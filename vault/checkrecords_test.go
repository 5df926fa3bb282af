package vault_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/vault"
)

// aToken is the record of a registered ciphertext under a version.
func aToken(version byte) []byte {
	b := []byte{1, 0, 0, 0, version}
	b = append(b, bytes.Repeat([]byte{7}, 32)...)
	return append(b, 0, 5, 0, 0, 0, 0, 0, 0)
}

// Records that the store holds as they were committed, but that contradict
// each other, are found with the password, whichever copy of the store is left.
func TestCheckFindsRecordsThatContradictEachOther(t *testing.T) {
	const path = "/1" // of a first version
	for _, c := range []struct {
		name   string
		change func(r *rig, id string)
		want   string
	}{
		{"another DEK", func(r *rig, id string) {
			r.Tamper(r, vault.KindDEK, id+path, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		}, "does not open under its data-encryption key"},
		{"changed material", func(r *rig, id string) {
			r.Tamper(r, vault.KindMaterial, id+path, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		}, "does not open under its data-encryption key"},
		{"another fingerprint", func(r *rig, id string) {
			r.Tamper(r, vault.KindKey, "alice/k", func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		}, "another fingerprint"},
		{"unreadable key", func(r *rig, id string) {
			r.Tamper(r, vault.KindKey, "alice/k", func(b []byte) []byte { return b[:len(b)-1] })
		}, "malformed"},
		{"material of a destroyed version", func(r *rig, id string) {
			live := append([]byte{1, 1}, bytes.Repeat([]byte{7}, 32)...)
			r.destroy("alice/k")
			r.Tamper(r, vault.KindDEK, id+path, func([]byte) []byte { return live })
		}, "it is destroyed, but its material is not"},
		{"DEK of nothing", func(r *rig, id string) {
			r.Tamper(r, vault.KindDEK, id+"/2", func([]byte) []byte { return append([]byte{1, 1}, make([]byte, 32)...) })
		}, "2 data-encryption keys"},
		{"owner without a record", func(r *rig, id string) {
			r.Tamper(r, vault.KindOwner, "alice", func([]byte) []byte { return nil })
		}, "owner"},
		{"principal at no uid", func(r *rig, id string) {
			r.Tamper(r, vault.KindPrincipal, "01000", func([]byte) []byte { return []byte("\x01{}") })
		}, `record of kind 10, "01000"`},
		{"unreadable principal", func(r *rig, id string) {
			r.Tamper(r, vault.KindPrincipal, "1000", func([]byte) []byte { return []byte("\x00{}") })
		}, `record of kind 10, "1000"`},
		{"registration for nothing", func(r *rig, id string) {
			r.Tamper(r, vault.KindToken, id+"/0", func([]byte) []byte { return aToken(1) })
		}, "is not one that tracks them"},
		{"tombstone of another version", func(r *rig, id string) {
			if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name("alice/k")}); err != nil {
				r.Fatal(err)
			}
			r.Tamper(r, vault.KindRevocation, id, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		}, "tombstone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			id := r.create("alice/k", "ed25519").ID.String()
			c.change(r, id)
			r.close()
			want := func(rep *vault.CheckReport) {
				t.Helper()
				if rep.OK() {
					t.Fatalf("nothing found; want %q", c.want)
				}
				last := rep.Findings[len(rep.Findings)-1]
				if !strings.Contains(last.What, c.want) || last.Severity != vault.SeverityLoss {
					t.Errorf("found %v, want %q", rep.Findings, c.want)
				}
			}
			want(r.check(false, password))
			if rep := r.check(false, ""); !rep.OK() {
				t.Errorf("found without the password: %v", rep.Findings)
			}
			// Without a journal, Badger's copy is the one to go by.
			for _, file := range []string{"journal-1.a", "journal-1.b"} {
				r.damage(file)
			}
			want(r.check(false, password))
			if rep := r.check(true, password); rep.OK() {
				t.Error("nothing found after a repair")
			}
			want(r.check(false, password))
		})
	}
}

func (r *rig) destroy(name string) {
	r.Helper()
	if _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: r.name(name)}); err != nil {
		r.Fatal(err)
	}
}

// damage flips a bit in the middle of a file.
func (r *rig) damage(file string) {
	r.Helper()
	b := r.file(file)
	b[len(b)/2] ^= 1
	r.write(file, b)
}

// A vault with every state of keys in it is whole.
func TestCheckOfEveryState(t *testing.T) {
	r := newRig(t)
	for _, typ := range []string{"xaes-256-gcm", "fernet", "hmac-sha256", "ed25519", "ecdsa-p256", "x25519"} {
		r.create("alice/"+typ, typ)
		r.create("bob/"+typ, typ)
		if _, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name("alice/" + typ)}); err != nil {
			t.Fatal(err)
		}
		if typ == "fernet" {
			r.destroy("alice/" + typ)
		}
	}
	for _, n := range []string{"alice/ed25519", "alice/xaes-256-gcm", "alice/x25519"} {
		if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name(n)}); err != nil {
			t.Fatal(err)
		}
	}
	r.destroy("alice/x25519")
	if _, _, err := r.RevokeOwner(ctx, vault.RevokeOwner{Name: "bob"}); err != nil {
		t.Fatal(err)
	}
	r.close()
	if rep := r.check(false, password); !rep.OK() || len(rep.Findings) != 0 || !rep.Complete {
		t.Errorf("report %+v", rep)
	}
}
