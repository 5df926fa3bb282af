package vault_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/vault"
)

var wrapUses = keytype.UseWrap | keytype.UseUnwrap

// A key goes wrapped to another vault, by every type that wraps, and is the same
// key there: what was encrypted and signed here opens and verifies.
func TestWrappedKeysAreTheSameElsewhere(t *testing.T) {
	here, there := newRig(t), newRig(t)
	here.createWith(vault.CreateKey{Name: here.name("alice/data"), Exportable: true})
	here.createWith(vault.CreateKey{Name: here.name("alice/sign"), Type: "ed25519", Exportable: true})
	bound := here.encrypt("alice/data", "secret")
	signature, _, err := here.Sign(here.name("alice/sign"), []byte("message"), keytype.SignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"hpke-x25519", "hpke-mlkem768-x25519", "rsa-2048"} {
		kek := there.createWith(vault.CreateKey{Name: there.name("alice/kek-" + kind), Type: kind, Uses: wrapUses})
		public, err := there.PublicKey(ctx, kek.Name, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"data", "sign"} {
			w, err := here.WrapKey(ctx, vault.WrapKey{Key: here.name("alice/" + name), PublicKey: public.SPKI})
			if err != nil || w.Version != 1 || w.Under != 0 {
				t.Fatalf("%s under %s: %+v, %v", name, kind, w, err)
			}
			// Another version must not get in the way.
			if _, err := there.RotateKey(ctx, vault.RotateKey{Name: kek.Name}); err != nil {
				t.Fatal(err)
			}
			u := vault.UnwrapKey{Name: there.name("alice/" + name + "-" + kind), With: kek.Name, Wrapped: w.Wrapped, Algorithm: w.Algorithm}
			if name == "data" {
				u.Type = w.Type
			}
			info, err := there.UnwrapKey(ctx, u)
			if err != nil || info.Type != w.Type || info.Exportable {
				t.Fatalf("%s under %s: %+v, %v", name, kind, info, err)
			}
			if _, err := there.UnwrapKey(ctx, u); vaultCode(err) != vault.CodeKeyExists {
				t.Errorf("a second time: %v", err)
			}
			_, err = there.ExportKey(ctx, vault.ExportKey{Name: info.Name, Passphrase: []byte("x")})
			there.wantCode(err, vault.CodeNotExportable)
		}
		there.mustDecrypt("alice/data-"+kind, bound, "secret")
		if ok, _, err := there.Verify(there.name("alice/sign-"+kind), 0, []byte("message"), signature, keytype.SignOptions{}); !ok || err != nil {
			t.Errorf("under %s: the signature does not verify (%v)", kind, err)
		}
	}
}

func vaultCode(err error) vault.Code {
	var e *vault.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestWrapUnderAKeyOfTheVault(t *testing.T) {
	r := newRig(t)
	r.createWith(vault.CreateKey{Name: r.name("alice/kek"), Type: "aes-256-kwp"})
	r.createWith(vault.CreateKey{Name: r.name("alice/data"), Exportable: true})
	w, err := r.WrapKey(ctx, vault.WrapKey{Key: r.name("alice/data"), Under: r.name("alice/kek")})
	if err != nil || w.Under != 1 || w.Algorithm != keytype.WrapAESKWP || len(w.Wrapped) != 40 {
		t.Fatalf("%+v, %v", w, err)
	}
	unwrap := func(change func(*vault.UnwrapKey)) error {
		u := vault.UnwrapKey{Name: r.name("alice/copy"), With: r.name("alice/kek"), Wrapped: bytes.Clone(w.Wrapped), Type: "xaes-256-gcm"}
		change(&u)
		_, err := r.UnwrapKey(ctx, u)
		return err
	}
	for what, c := range map[string]struct {
		change func(*vault.UnwrapKey)
		want   vault.Code
	}{
		"changed":           {func(u *vault.UnwrapKey) { u.Wrapped[3] ^= 1 }, vault.CodeInvalidCiphertext},
		"nothing":           {func(u *vault.UnwrapKey) { u.Wrapped = nil }, vault.CodeBadArgument},
		"too long":          {func(u *vault.UnwrapKey) { u.Wrapped = make([]byte, 17<<10) }, vault.CodeBadArgument},
		"another algorithm": {func(u *vault.UnwrapKey) { u.Algorithm = keytype.WrapHPKE }, vault.CodeBadArgument},
		"no type":           {func(u *vault.UnwrapKey) { u.Type = "" }, vault.CodeBadArgument},
		"unknown type":      {func(u *vault.UnwrapKey) { u.Type = "rot13" }, vault.CodeUnsupportedAlgorithm},
		"longer type":       {func(u *vault.UnwrapKey) { u.Type = "aes-256-siv" }, vault.CodeWeakKey},
		"key pair's type":   {func(u *vault.UnwrapKey) { u.Type = "ed25519" }, vault.CodeWeakKey},
		"no such key":       {func(u *vault.UnwrapKey) { u.With = r.name("alice/none") }, vault.CodeKeyNotFound},
		"a key that can't":  {func(u *vault.UnwrapKey) { u.With = r.name("alice/data") }, vault.CodeWrongKeyUsage},
		"uses that clash":   {func(u *vault.UnwrapKey) { u.Uses = keytype.UseSign }, vault.CodeBadArgument},
	} {
		if err := unwrap(c.change); vaultCode(err) != c.want {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
	}
	if err := unwrap(func(*vault.UnwrapKey) {}); err != nil {
		t.Errorf("as it was: %v", err)
	}
}

func TestWrapIsRefused(t *testing.T) {
	r := newRig(t)
	r.createWith(vault.CreateKey{Name: r.name("alice/kek"), Type: "aes-256-kwp", Exportable: true})
	r.createWith(vault.CreateKey{Name: r.name("alice/onlyun"), Type: "aes-256-kwp", Uses: keytype.UseUnwrap})
	r.createWith(vault.CreateKey{Name: r.name("alice/data"), Exportable: true})
	r.create("alice/kept", "")
	r.create("alice/rsa", "rsa-2048") // which signs
	r.createWith(vault.CreateKey{Name: r.name("alice/long"), Type: "ed25519", Exportable: true})
	r.createWith(vault.CreateKey{Name: r.name("alice/past"), TTL: time.Minute, Exportable: true})
	r.createWith(vault.CreateKey{Name: r.name("alice/pastkek"), Type: "aes-256-kwp", TTL: time.Minute})
	r.createWith(vault.CreateKey{Name: r.name("alice/agree"), Type: "x25519"})
	ed, err := r.PublicKey(ctx, r.name("alice/long"), 0)
	if err != nil {
		t.Fatal(err)
	}
	r.clock.Advance(2 * time.Minute)
	name := r.name
	for what, c := range map[string]struct {
		c    vault.WrapKey
		want vault.Code
	}{
		"not exportable":       {vault.WrapKey{Key: name("alice/kept"), Under: name("alice/kek")}, vault.CodeNotExportable},
		"expired":              {vault.WrapKey{Key: name("alice/past"), Under: name("alice/kek")}, vault.CodeExpired},
		"under an expired key": {vault.WrapKey{Key: name("alice/data"), Under: name("alice/pastkek")}, vault.CodeExpired},
		"under no key":         {vault.WrapKey{Key: name("alice/data")}, vault.CodeBadArgument},
		"under two":            {vault.WrapKey{Key: name("alice/data"), Under: name("alice/kek"), PublicKey: ed.SPKI}, vault.CodeBadArgument},
		"under itself":         {vault.WrapKey{Key: name("alice/kek"), Under: name("alice/kek")}, vault.CodeBadArgument},
		"under a signing key":  {vault.WrapKey{Key: name("alice/data"), Under: name("alice/rsa")}, vault.CodeWrongKeyUsage},
		"under a data key":     {vault.WrapKey{Key: name("alice/data"), Under: name("alice/kept")}, vault.CodeWrongKeyUsage},
		"to unwrap only":       {vault.WrapKey{Key: name("alice/data"), Under: name("alice/onlyun")}, vault.CodeWrongKeyUsage},
		"another algorithm":    {vault.WrapKey{Key: name("alice/data"), Under: name("alice/kek"), Algorithm: keytype.WrapRSAOAEP}, vault.CodeBadArgument},
		"a key that signs":     {vault.WrapKey{Key: name("alice/data"), PublicKey: ed.SPKI}, vault.CodeInvalidPeerKey},
		"no public key":        {vault.WrapKey{Key: name("alice/data"), PublicKey: []byte("x")}, vault.CodeInvalidPeerKey},
		"no such version":      {vault.WrapKey{Key: name("alice/data"), Version: 7, Under: name("alice/kek")}, vault.CodeVersionNotFound},
	} {
		if _, err := r.WrapKey(ctx, c.c); vaultCode(err) != c.want {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
	}
	// Whoever may decrypt with a key must not read what is wrapped under it.
	for _, kind := range []string{"rsa-2048", "hpke-x25519"} {
		_, err := r.CreateKey(ctx, vault.CreateKey{Name: name("alice/both"), Type: kind, Uses: keytype.UseDecrypt | keytype.UseUnwrap})
		r.wantCode(err, vault.CodeBadArgument)
	}
}
