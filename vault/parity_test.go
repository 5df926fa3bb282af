package vault_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
	"github.com/vaultd/vaultd/vault"
)

// Rows 1 and 2 of the original: a symmetric key per user that expires after an
// hour unless told otherwise.
func TestFernetKeyExpiresAfterAnHour(t *testing.T) {
	r := newRig(t)
	info := r.create("alice/session", "fernet")
	if got := info.Versions[0].Expires.Sub(info.Created); got != time.Hour {
		t.Fatalf("lifetime is %s", got)
	}
	token := r.encrypt("alice/session", "hello")
	r.clock.Advance(time.Hour - time.Second)
	r.encrypt("alice/session", "still")
	r.clock.Advance(time.Second)
	_, _, err := r.Encrypt(vault.Encrypt{Key: r.name("alice/session"), Plaintext: []byte("late")}, nil)
	r.wantCode(err, vault.CodeExpired)
	r.mustDecrypt("alice/session", token, "hello")
	if info, _ := r.ShowKey(ctx, r.name("alice/session")); info.State != vault.StateDeactivated {
		t.Errorf("state is %s", info.State)
	}

	forever := r.createWith(vault.CreateKey{Name: r.name("alice/forever"), Type: "fernet", NoExpiry: true})
	if !forever.Versions[0].Expires.IsZero() {
		t.Error("a key without expiry expires")
	}
	short := r.createWith(vault.CreateKey{Name: r.name("alice/short"), Type: "fernet", TTL: time.Minute})
	if got := short.Versions[0].Expires.Sub(short.Created); got != time.Minute {
		t.Errorf("lifetime is %s", got)
	}
}

func TestFernetTokens(t *testing.T) {
	r := newRig(t)
	r.create("alice/f", "fernet")
	first := r.encrypt("alice/f", "one")
	if _, err := r.RotateKey(ctx, vault.RotateKey{Name: r.name("alice/f")}); err != nil {
		t.Fatal(err)
	}
	second := r.encrypt("alice/f", "two")
	r.mustDecrypt("alice/f", first, "one")
	r.mustDecrypt("alice/f", append(second, '\n'), "two")

	_, _, err := r.Encrypt(vault.Encrypt{Key: r.name("alice/f"), Context: r.context("a=b")}, nil)
	r.wantCode(err, vault.CodeBadContext)
	_, err = r.decrypt("alice/f", first, "a=b")
	r.wantCode(err, vault.CodeBadContext)
	_, err = r.decrypt("", first)
	r.wantCode(err, vault.CodeInvalidCiphertext)

	r.clock.Advance(time.Minute)
	old := vault.Decrypt{Key: r.name("alice/f"), Ciphertext: first, MaxAge: 30 * time.Second}
	_, _, err = r.Decrypt(old, nil)
	r.wantCode(err, vault.CodeExpired)
	old.MaxAge = 2 * time.Minute
	if _, _, err := r.Decrypt(old, nil); err != nil {
		t.Error(err)
	}
	first[20] ^= 1
	_, err = r.decrypt("alice/f", first)
	r.wantCode(err, vault.CodeInvalidCiphertext)
}

// Every type does all that it says, before and after a restart.
func TestEveryType(t *testing.T) {
	r := newRig(t)
	for _, typ := range keytype.All() {
		if typ.Bits > 3072 && testing.Short() {
			continue
		}
		t.Run(typ.Name, func(t *testing.T) {
			r := &rig{TB: t, Vault: r.Vault, clock: r.clock}
			name := "alice/" + typ.Name
			uses := typ.Uses
			if uses&keytype.UseDecrypt != 0 {
				uses &^= keytype.UseUnwrap // no key may do both
			}
			info := r.createWith(vault.CreateKey{Name: r.name(name), Type: typ.Name, Uses: uses, NoExpiry: true})
			if info.Uses != uses {
				t.Errorf("uses are %b", info.Uses)
			}
			exerciseKey(r, name, typ)
		})
	}
	r.reopen()
	for _, typ := range keytype.All() {
		if typ.Bits > 3072 && testing.Short() {
			continue
		}
		exerciseKey(r, "alice/"+typ.Name, typ)
	}
}

func exerciseKey(r *rig, name string, typ *keytype.Type) {
	r.Helper()
	n := r.name(name)
	if typ.Uses&keytype.UseEncrypt != 0 {
		r.mustDecrypt(name, r.encrypt(name, "secret"), "secret")
	} else {
		_, _, err := r.Encrypt(vault.Encrypt{Key: n}, nil)
		r.wantCode(err, vault.CodeWrongKeyUsage)
	}
	exerciseKEM(r, name, typ)
	message := []byte("message")
	if typ.Uses&keytype.UseSign != 0 {
		sig, version, err := r.Sign(n, message, keytype.SignOptions{})
		if err != nil {
			r.Fatal(err)
		}
		if ok, v, err := r.Verify(n, 0, message, sig, keytype.SignOptions{}); !ok || v != version || err != nil {
			r.Errorf("%s: verify: %v, %d, %v", name, ok, v, err)
		}
		if ok, _, err := r.Verify(n, version, []byte("massage"), sig, keytype.SignOptions{}); ok || err != nil {
			r.Errorf("%s: another message verifies: %v, %v", name, ok, err)
		}
	} else {
		_, _, err := r.Sign(n, message, keytype.SignOptions{})
		r.wantCode(err, vault.CodeWrongKeyUsage)
	}
	if typ.Uses&keytype.UseMAC != 0 {
		mac, _, err := r.MAC(n, message, nil)
		if err != nil {
			r.Fatal(err)
		}
		if ok, _, err := r.VerifyMAC(n, 0, message, mac); !ok || err != nil {
			r.Errorf("%s: verify MAC: %v, %v", name, ok, err)
		}
		if ok, _, err := r.VerifyMAC(n, 0, message, mac[:len(mac)-1]); ok || err != nil {
			r.Errorf("%s: a shortened MAC: %v, %v", name, ok, err)
		}
	} else {
		_, _, err := r.MAC(n, message, nil)
		r.wantCode(err, vault.CodeWrongKeyUsage)
	}
	if typ.Uses&keytype.UseAgree != 0 {
		pub, err := r.PublicKey(ctx, n, 0)
		if err != nil {
			r.Fatal(err)
		}
		out, _, err := r.Agree(vault.Agree{Key: n, Peer: pub.SPKI, Info: []byte("test"), Length: 48})
		if err != nil || len(out) != 48 {
			r.Errorf("%s: agree: %d bytes, %v", name, len(out), err)
		}
		_, _, err = r.Agree(vault.Agree{Key: n, Peer: []byte("no key")})
		r.wantCode(err, vault.CodeInvalidPeerKey)
	} else {
		_, _, err := r.Agree(vault.Agree{Key: n, Peer: []byte{0x30, 0}})
		if err == nil {
			r.Errorf("%s agrees", name)
		}
	}
}

func exerciseKEM(r *rig, name string, typ *keytype.Type) {
	r.Helper()
	c := vault.Encapsulate{Key: r.name(name), Info: []byte("test"), Length: 48}
	e, err := r.Encapsulate(c)
	if typ.Uses&keytype.UseEncapsulate == 0 {
		r.wantCode(err, vault.CodeWrongKeyUsage)
		_, _, err = r.Decapsulate(c, make([]byte, 1088), 0)
		r.wantCode(err, vault.CodeWrongKeyUsage)
		return
	}
	if err != nil || len(e.Output) != 48 {
		r.Fatalf("%s: encapsulate: %d bytes, %v", name, len(e.Output), err)
	}
	out, version, err := r.Decapsulate(c, e.Ciphertext, 0)
	if err != nil || version != e.Version || !bytes.Equal(out, e.Output) {
		r.Errorf("%s: decapsulate: version %d, %v", name, version, err)
	}
	c.Info = []byte("another purpose")
	if out, _, err := r.Decapsulate(c, e.Ciphertext, 0); err != nil || bytes.Equal(out, e.Output) {
		r.Errorf("%s: another info gives the same output (%v)", name, err)
	}
	e.Ciphertext[0] ^= 1
	c.Info = []byte("test")
	if out, _, err := r.Decapsulate(c, e.Ciphertext, 0); err != nil || bytes.Equal(out, e.Output) {
		r.Errorf("%s: a changed ciphertext gives the same output (%v)", name, err)
	}
	_, _, err = r.Decapsulate(c, e.Ciphertext[1:], 0)
	r.wantCode(err, vault.CodeInvalidCiphertext)
	c.Length = 8161
	_, err = r.Encapsulate(c)
	r.wantCode(err, vault.CodeBadArgument)
}

// Row 3: a fingerprint that says something.
func TestFingerprintTellsKeysApart(t *testing.T) {
	r := newRig(t)
	a, b := r.create("alice/a", "fernet"), r.create("alice/b", "fernet")
	if a.Versions[0].Fingerprint == b.Versions[0].Fingerprint || a.Versions[0].Fingerprint == [32]byte{} {
		t.Error("fingerprints do not tell keys apart")
	}
	pub := r.create("alice/sign", "ed25519")
	p, err := r.PublicKey(ctx, pub.Name, 0)
	if err != nil || p.Fingerprint != pub.Versions[0].Fingerprint {
		t.Errorf("public key: %v", err)
	}
	_, err = r.PublicKey(ctx, a.Name, 0)
	r.wantCode(err, vault.CodeWrongKeyUsage)
}
