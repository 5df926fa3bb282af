package vault_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/vault"
)

var (
	alicePeer = &vault.Peer{UID: 1000, User: "alice", Unit: "backup.service"}
	bobPeer   = &vault.Peer{UID: 1001, User: "bob"}
)

// seal encrypts for a peer, and reports the code of what went wrong.
func (r *rig) seal(name string, peer *vault.Peer, pairs ...string) ([]byte, vault.Code) {
	r.Helper()
	c, _, err := r.Encrypt(vault.Encrypt{
		Key: r.name(name), Plaintext: []byte("secret"), Context: r.context(pairs...), Peer: peer,
	}, nil)
	return c, codeOf(err)
}

// unlock decrypts for a peer; without a name the ciphertext tells the key.
func (r *rig) unlock(name string, c []byte, peer *vault.Peer, pairs ...string) vault.Code {
	r.Helper()
	d := vault.Decrypt{Ciphertext: c, Context: r.context(pairs...), Peer: peer}
	if name != "" {
		d.Key = r.name(name)
	}
	p, _, err := r.Decrypt(d, nil)
	if err == nil && string(p) != "secret" {
		r.Errorf("opened as %q", p)
	}
	return codeOf(err)
}

func TestRequiredContextMustBeThere(t *testing.T) {
	for _, typ := range []string{"xaes-256-gcm", "aes-256-gcm", "chacha20-poly1305", "rsa-2048"} {
		t.Run(typ, func(t *testing.T) {
			r := newRig(t)
			uses := keytype.UseEncrypt | keytype.UseDecrypt
			info := r.createWith(vault.CreateKey{
				Name: r.name("alice/k"), Type: typ, Uses: uses, RequireContext: []string{"tenant", "purpose"},
			})
			if !slices.Equal(info.RequireContext, []string{"purpose", "tenant"}) {
				t.Errorf("made with %v", info.RequireContext)
			}
			for _, pairs := range [][]string{nil, {"purpose=a"}, {"tenant=1"}, {"Purpose=a", "tenant=1"}} {
				if _, code := r.seal("alice/k", alicePeer, pairs...); code != vault.CodeBadContext {
					t.Errorf("encrypted with %v: %q", pairs, code)
				}
			}
			c, code := r.seal("alice/k", nil, "purpose=a", "tenant=1", "more=x")
			if code != "" {
				t.Fatal(code)
			}
			check := func(when string) {
				t.Helper()
				if code := r.unlock("alice/k", c, nil, "more=x", "tenant=1", "purpose=a"); code != "" {
					t.Errorf("%s: decrypted: %q", when, code)
				}
				if code := r.unlock("alice/k", c, nil, "more=x", "tenant=1"); code != vault.CodeBadContext {
					t.Errorf("%s: decrypted without purpose: %q", when, code)
				}
				if code := r.unlock("alice/k", c, nil, "tenant=2", "purpose=a", "more=x"); code != vault.CodeInvalidCiphertext {
					t.Errorf("%s: decrypted for another tenant: %q", when, code)
				}
				if _, code := r.seal("alice/k", nil); code != vault.CodeBadContext {
					t.Errorf("%s: encrypted: %q", when, code)
				}
				k, err := r.ShowKey(ctx, r.name("alice/k"))
				if err != nil || !slices.Equal(k.RequireContext, []string{"purpose", "tenant"}) {
					t.Errorf("%s: %v, %v", when, k.RequireContext, err)
				}
			}
			check("at once")
			if _, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name("alice/k")}); err != nil {
				t.Fatal(err)
			}
			check("rotated")
			r.reopen()
			check("restarted")
		})
	}
}

// What is bound to who asks opens for nobody else, whoever that is.
func TestContextOfThePeerIsPutInAndHeld(t *testing.T) {
	r := newRig(t)
	r.createWith(vault.CreateKey{Name: r.name("alice/k"), RequireContext: []string{"user=@peer", "uid=@peer"}})
	c, code := r.seal("alice/k", alicePeer)
	if code != "" {
		t.Fatal(code)
	}
	root := &vault.Peer{UID: 0, User: "root"}
	for _, tt := range []struct {
		what  string
		peer  *vault.Peer
		pairs []string
		want  vault.Code
	}{
		{"alice", alicePeer, nil, ""},
		{"alice, who says so", alicePeer, []string{"uid=1000", "user=alice"}, ""},
		{"alice, who says half", alicePeer, []string{"user=alice"}, ""},
		{"alice, with more", alicePeer, []string{"purpose=x"}, vault.CodeInvalidCiphertext},
		{"alice as bob", alicePeer, []string{"user=bob"}, vault.CodeBadContext},
		{"bob", bobPeer, nil, vault.CodeInvalidCiphertext},
		{"bob as alice", bobPeer, []string{"uid=1000", "user=alice"}, vault.CodeBadContext},
		{"root", root, nil, vault.CodeInvalidCiphertext},
		{"root as alice", root, []string{"uid=1000", "user=alice"}, vault.CodeBadContext},
		{"alice's name on another uid", &vault.Peer{UID: 7, User: "alice"}, nil, vault.CodeInvalidCiphertext},
		{"an account without a name", &vault.Peer{UID: 1000}, nil, vault.CodeBadContext},
		{"no account, as alice", &vault.Peer{UID: 1000}, []string{"user=alice"}, vault.CodeBadContext},
		{"nobody", nil, []string{"uid=1000", "user=alice"}, vault.CodeBadContext},
	} {
		for _, name := range []string{"alice/k", ""} {
			if code := r.unlock(name, c, tt.peer, tt.pairs...); code != tt.want {
				t.Errorf("%s, key %q: %q, want %q", tt.what, name, code, tt.want)
			}
		}
	}
	r.createWith(vault.CreateKey{Name: r.name("alice/unit"), RequireContext: []string{"unit=@peer"}})
	if _, code := r.seal("alice/unit", alicePeer); code != "" {
		t.Errorf("in a unit: %q", code)
	}
	if _, code := r.seal("alice/unit", bobPeer); code != vault.CodeBadContext {
		t.Errorf("in no unit: %q", code)
	}
	if _, code := r.seal("alice/unit", bobPeer, "unit=backup.service"); code != vault.CodeBadContext {
		t.Errorf("in no unit, as one: %q", code)
	}
	if a := r.KeyAttributes(r.name("alice/k"), nil); !slices.Equal(a.FromPeer, []string{"uid", "user"}) {
		t.Errorf("binds %v", a.FromPeer)
	}
}

// A copy of the key from another vault is held to what its own key requires.
func TestForeignCiphertextNeedsWhatTheNamedKeyRequires(t *testing.T) {
	r, other := newRig(t), newRig(t)
	material := []byte("an unencrypted key of 32 bytes .")
	bring := func(r *rig, require ...string) {
		t.Helper()
		_, err := r.ImportKey(ctx, vault.ImportKey{
			Name: r.name("alice/k"), Type: "xaes-256-gcm", Material: slices.Clone(material), RequireContext: require,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	bring(r, "user=@peer")
	bring(other)
	bound, plain := other.encrypt("alice/k", "secret", "user=alice"), other.encrypt("alice/k", "secret")
	if code := r.unlock("alice/k", bound, alicePeer); code != "" {
		t.Errorf("bound to alice, for alice: %q", code)
	}
	if code := r.unlock("alice/k", bound, bobPeer); code != vault.CodeInvalidCiphertext {
		t.Errorf("bound to alice, for bob: %q", code)
	}
	if code := r.unlock("alice/k", plain, alicePeer); code != vault.CodeInvalidCiphertext {
		t.Errorf("bound to nobody: %q", code)
	}
}

func TestImpossibleRequirementsAreRefused(t *testing.T) {
	r := newRig(t)
	many := strings.Fields(strings.Repeat("x ", vault.MaxRequiredContext+1))
	for i := range many {
		many[i] += string(rune('a' + i))
	}
	both := keytype.UseEncrypt | keytype.UseDecrypt
	for what, c := range map[string]vault.CreateKey{
		"fernet":            {Type: "fernet", RequireContext: []string{"a"}},
		"hmac":              {Type: "hmac-sha256", RequireContext: []string{"a"}},
		"ed25519":           {Type: "ed25519", RequireContext: []string{"a"}},
		"agreement":         {Type: "x25519", RequireContext: []string{"a"}},
		"rsa that signs":    {Type: "rsa-2048", RequireContext: []string{"a"}},
		"empty name":        {RequireContext: []string{""}},
		"a value":           {RequireContext: []string{"a=b"}},
		"another's value":   {RequireContext: []string{"uid=1000"}},
		"no such attribute": {RequireContext: []string{"tenant=@peer"}},
		"group":             {RequireContext: []string{"gid=@peer"}},
		"twice":             {RequireContext: []string{"a", "a"}},
		"twice over":        {RequireContext: []string{"uid", "uid=@peer"}},
		"control character": {RequireContext: []string{"a\n"}},
		"not UTF-8":         {RequireContext: []string{"a\xff"}},
		"too long":          {RequireContext: []string{strings.Repeat("x", 257)}},
		"too many":          {RequireContext: many},
		"token uses":        {Type: "fernet", Uses: both, RequireContext: []string{"uid=@peer"}},
	} {
		c.Name = r.name("alice/k")
		if _, err := r.CreateKey(ctx, c); codeOf(err) != vault.CodeBadArgument {
			t.Errorf("%s: %v", what, err)
		}
	}
	r.createWith(vault.CreateKey{Name: r.name("alice/k"), RequireContext: many[1:]})
}

// The context that results is bounded as any other.
func TestContextWithTheCallersOwnIsBounded(t *testing.T) {
	r := newRig(t)
	r.createWith(vault.CreateKey{Name: r.name("alice/k"), RequireContext: []string{"user=@peer"}})
	if _, code := r.seal("alice/k", alicePeer, "x="+strings.Repeat("y", 8<<10-9)); code != vault.CodeBadContext {
		t.Errorf("too long: %q", code)
	}
}
