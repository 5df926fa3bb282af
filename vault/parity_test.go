package vault_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
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
	_, _, err := r.Encrypt(r.name("alice/session"), []byte("late"), nil, nil, false)
	r.wantCode(err, vault.CodeExpired)
	r.mustDecrypt("alice/session", token, "hello")
	if info, _ := r.ShowKey(ctx, r.name("alice/session")); info.State != vault.StateExpired {
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

	_, _, err := r.Encrypt(r.name("alice/f"), nil, r.context("a=b"), nil, false)
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
			info := r.createWith(vault.CreateKey{Name: r.name(name), Type: typ.Name, Uses: typ.Uses, NoExpiry: true})
			if info.Uses != typ.Uses {
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
		_, _, err := r.Encrypt(n, nil, nil, nil, false)
		r.wantCode(err, vault.CodeWrongKeyUsage)
	}
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

// Rows 4 to 6: private keys leave and come back under a passphrase.
func TestExportAndImport(t *testing.T) {
	r := newRig(t)
	pass := []byte("a passphrase")
	for _, c := range []struct {
		typ     string
		format  vault.PrivateKeyFormat
		prefix  string
		sealed  bool
		nameTyp bool // import needs the type to be named
	}{
		{"fernet", vault.FormatDefault, "", false, true},
		{"xaes-256-gcm", vault.FormatDefault, "", false, true},
		{"hmac-sha256", vault.FormatRaw, "", false, true},
		{"rsa-2048", vault.FormatDefault, "-----BEGIN ENCRYPTED PRIVATE KEY-----", true, false},
		{"rsa-2048", vault.FormatCompat, "", true, false},
		{"ed25519", vault.FormatPKCS8PEM, "-----BEGIN PRIVATE KEY-----", false, false},
		{"ecdsa-p384", vault.FormatPKCS8EncryptedPEM, "-----BEGIN ENCRYPTED PRIVATE KEY-----", true, false},
		{"p256", vault.FormatPKCS8PEM, "", false, true},
		{"ffdh-2048", vault.FormatPKCS8EncryptedPEM, "", true, false},
	} {
		name := "alice/" + c.typ + "-" + string(rune('0'+c.format))
		info := r.createWith(vault.CreateKey{Name: r.name(name), Type: c.typ, Exportable: true, NoExpiry: true})
		ask := vault.ExportKey{Name: info.Name, Format: c.format}
		if c.sealed {
			_, err := r.ExportKey(ctx, ask)
			r.wantCode(err, vault.CodeBadArgument)
			ask.Passphrase = pass
		}
		e, err := r.ExportKey(ctx, ask)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !bytes.HasPrefix(e.Material, []byte(c.prefix)) {
			t.Errorf("%s: begins with %.30q", name, e.Material)
		}
		in := vault.ImportKey{Name: r.name(name + "-in"), Material: e.Material, Format: e.Format}
		if c.nameTyp {
			in.Type = c.typ
		}
		if c.sealed {
			in.Passphrase = []byte("another")
			_, err := r.ImportKey(ctx, in)
			r.wantCode(err, vault.CodeWrongPassphrase)
			in.Passphrase = pass
		}
		got, err := r.ImportKey(ctx, in)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got.Type != c.typ || got.Origin != vault.OriginImported || got.Versions[0].Fingerprint != info.Versions[0].Fingerprint {
			t.Errorf("%s came back as %+v", name, got)
		}
	}
}

func TestExportIsRefused(t *testing.T) {
	r := newRig(t)
	r.create("alice/kept", "ed25519")
	_, err := r.ExportKey(ctx, vault.ExportKey{Name: r.name("alice/kept"), Format: vault.FormatPKCS8PEM})
	r.wantCode(err, vault.CodeNotExportable)

	r.createWith(vault.CreateKey{Name: r.name("alice/out"), Type: "fernet", Exportable: true})
	_, err = r.ExportKey(ctx, vault.ExportKey{Name: r.name("alice/out"), Format: vault.FormatPKCS8PEM})
	r.wantCode(err, vault.CodeBadArgument)
	_, err = r.ExportKey(ctx, vault.ExportKey{Name: r.name("alice/out"), Version: 2})
	r.wantCode(err, vault.CodeVersionNotFound)
	r.clock.Advance(2 * time.Hour)
	_, err = r.ExportKey(ctx, vault.ExportKey{Name: r.name("alice/out")})
	r.wantCode(err, vault.CodeExpired)
}

func TestWeakKeysAreNotImported(t *testing.T) {
	r := newRig(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Skip("this build makes no 1024-bit keys: ", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(small)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	for _, in := range []vault.ImportKey{
		{Material: text},
		{Material: text, Type: "rsa-2048"},
		{Material: make([]byte, 32), Type: "xaes-256-gcm"},
		{Material: []byte("short"), Type: "xaes-256-gcm"},
		{Material: []byte(strings.Repeat("A", 43) + "="), Type: "fernet"},
	} {
		in.Name = r.name("alice/weak")
		_, err := r.ImportKey(ctx, in)
		r.wantCode(err, vault.CodeWeakKey)
	}
}

func TestWrongPassphrasesAreSlowed(t *testing.T) {
	r := newRig(t)
	r.createWith(vault.CreateKey{Name: r.name("alice/k"), Type: "ed25519", Exportable: true})
	e, err := r.ExportKey(ctx, vault.ExportKey{Name: r.name("alice/k"), Passphrase: []byte("right")})
	if err != nil {
		t.Fatal(err)
	}
	in := vault.ImportKey{Name: r.name("alice/in"), Material: e.Material, Passphrase: []byte("wrong")}
	for range 4 {
		_, err = r.ImportKey(ctx, in)
		r.wantCode(err, vault.CodeWrongPassphrase)
	}
	in.Passphrase = []byte("right")
	_, err = r.ImportKey(ctx, in)
	r.wantCode(err, vault.CodeUnlockThrottled)
	r.clock.Advance(2 * time.Second)
	if _, err := r.ImportKey(ctx, in); err != nil {
		t.Error(err)
	}
}

// Rows 10 and 11: a revoked user loses every key and is remembered.
func TestRevokedOwnerStaysRevoked(t *testing.T) {
	r := newRig(t)
	r.create("alice/a", "")
	r.create("alice/b", "ed25519")
	other := r.create("bob/a", "")
	c := r.encrypt("alice/a", "gone")
	owner, n, err := r.RevokeOwner(ctx, vault.RevokeOwner{Name: "alice", Reason: "left", By: "root"})
	if err != nil || n != 2 || !owner.Revoked || owner.Keys != 0 {
		t.Fatalf("revoke: %+v, %d, %v", owner, n, err)
	}
	check := func() {
		t.Helper()
		_, err := r.decrypt("", c)
		r.wantCode(err, vault.CodeOwnerRevoked)
		_, _, err = r.Encrypt(r.name("alice/a"), nil, nil, nil, false)
		r.wantCode(err, vault.CodeOwnerRevoked)
		_, err = r.CreateKey(ctx, vault.CreateKey{Name: r.name("alice/new")})
		r.wantCode(err, vault.CodeOwnerRevoked)
		_, err = r.RotateKey(ctx, vault.RotateKey{Name: r.name("alice/a")})
		r.wantCode(err, vault.CodeOwnerRevoked)
		_, err = r.CreateOwner(ctx, "alice")
		r.wantCode(err, vault.CodeOwnerRevoked)
		for _, subject := range []string{"alice", "alice/a", "alice/never"} {
			if revoked, list, err := r.CheckRevocation(ctx, subject, ""); !revoked || len(list) == 0 || err != nil {
				t.Errorf("check %s: %v, %v, %v", subject, revoked, list, err)
			}
		}
		r.encrypt(other.Name.String(), "bob works")
		if revoked, _, err := r.CheckRevocation(ctx, "bob/a", ""); revoked || err != nil {
			t.Errorf("bob is revoked: %v", err)
		}
	}
	check()
	r.reopen()
	check()

	if _, err := r.ReinstateOwner(ctx, "alice", "root"); err != nil {
		t.Fatal(err)
	}
	_, err = r.decrypt("", c)
	r.wantCode(err, vault.CodeKeyDestroyed)
	_, err = r.CreateKey(ctx, vault.CreateKey{Name: r.name("alice/a")})
	r.wantCode(err, vault.CodeKeyExists)
	r.create("alice/c", "")
	r.reopen()
	r.encrypt("alice/c", "new life")
	show, err := r.ShowOwner(ctx, "alice")
	if err != nil || show.Revoked || show.Keys != 1 {
		t.Errorf("owner: %+v, %v", show, err)
	}
	// What fell with its owner is never to be trusted again.
	if revoked, _, err := r.CheckRevocation(ctx, "alice/a", ""); !revoked || err != nil {
		t.Errorf("a destroyed key of a reinstated owner: %v, %v", revoked, err)
	}
	if revoked, list, err := r.CheckRevocation(ctx, "alice", ""); revoked || len(list) != 1 || !list[0].Reinstated || err != nil {
		t.Errorf("a reinstated owner: %v, %v, %v", revoked, list, err)
	}
}

func TestUnknownOwnerCanBeRevoked(t *testing.T) {
	r := newRig(t)
	if _, n, err := r.RevokeOwner(ctx, vault.RevokeOwner{Name: "mallory", By: "root"}); err != nil || n != 0 {
		t.Fatal(n, err)
	}
	_, err := r.CreateKey(ctx, vault.CreateKey{Name: r.name("mallory/k")})
	r.wantCode(err, vault.CodeOwnerRevoked)
}

func TestRevokedKeyStaysRevoked(t *testing.T) {
	r := newRig(t)
	info := r.create("alice/id", "ed25519")
	r.create("alice/data", "")
	c := r.encrypt("alice/data", "x")
	sig, _, err := r.Sign(info.Name, []byte("m"), keytype.SignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"alice/id", "alice/data"} {
		if _, err := r.RevokeKey(ctx, vault.RevokeKey{Name: r.name(n), Reason: "lost laptop", By: "alice"}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		_, err = r.decrypt("alice/data", c)
		r.wantCode(err, vault.CodeRevoked)
		_, _, err = r.Sign(info.Name, []byte("m"), keytype.SignOptions{})
		r.wantCode(err, vault.CodeRevoked)
		_, _, err = r.Verify(info.Name, 0, []byte("m"), sig, keytype.SignOptions{})
		r.wantCode(err, vault.CodeRevoked)
		_, err = r.RotateKey(ctx, vault.RotateKey{Name: info.Name})
		r.wantCode(err, vault.CodeRevoked)
		show, err := r.ShowKey(ctx, info.Name)
		if err != nil || show.State != vault.StateRevoked || show.RevocationReason != "lost laptop" || show.RevokedBy != "alice" || show.Revoked.IsZero() {
			t.Errorf("show: %+v, %v", show, err)
		}
		if _, err := r.PublicKey(ctx, info.Name, 0); err != nil {
			t.Errorf("public key: %v", err)
		}
		fp := keytype.FormatFingerprint(info.Versions[0].Fingerprint)
		if revoked, list, err := r.CheckRevocation(ctx, fp, ""); !revoked || len(list) != 1 || err != nil {
			t.Errorf("check by fingerprint: %v, %v, %v", revoked, list, err)
		}
		if revoked, _, _ := r.CheckRevocation(ctx, fp, "bob"); revoked {
			t.Error("the check looks into a foreign namespace")
		}
		r.reopen()
	}
}

func TestDestroyedKeyStaysDestroyed(t *testing.T) {
	r := newRig(t)
	info := r.create("alice/k", "rsa-2048")
	if _, err := r.RotateKey(ctx, vault.RotateKey{Name: info.Name}); err != nil {
		t.Fatal(err)
	}
	before, err := r.PublicKey(ctx, info.Name, 1)
	if err != nil {
		t.Fatal(err)
	}
	show, err := r.DestroyKey(ctx, vault.DestroyKey{Name: info.Name, Version: 1, Reason: "old", By: "alice"})
	if err != nil || show.Versions[0].State != vault.StateDestroyed || show.State != vault.StateActive {
		t.Fatalf("destroy version 1: %+v, %v", show, err)
	}
	_, _, err = r.Verify(info.Name, 1, nil, nil, keytype.SignOptions{})
	r.wantCode(err, vault.CodeKeyDestroyed)
	if _, _, err := r.Sign(info.Name, []byte("m"), keytype.SignOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := r.DestroyKey(ctx, vault.DestroyKey{Name: info.Name, Reason: "all", Now: true}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, _, err = r.Sign(info.Name, []byte("m"), keytype.SignOptions{})
		r.wantCode(err, vault.CodeKeyDestroyed)
		_, err = r.DestroyKey(ctx, vault.DestroyKey{Name: info.Name})
		r.wantCode(err, vault.CodeKeyDestroyed)
		_, err = r.RotateKey(ctx, vault.RotateKey{Name: info.Name})
		r.wantCode(err, vault.CodeKeyDestroyed)
		_, err = r.CreateKey(ctx, vault.CreateKey{Name: info.Name})
		r.wantCode(err, vault.CodeKeyExists)
		after, err := r.PublicKey(ctx, info.Name, 1)
		if err != nil || !bytes.Equal(after.SPKI, before.SPKI) {
			t.Errorf("the public key did not outlive the material: %v", err)
		}
		if revoked, list, err := r.CheckRevocation(ctx, "alice/k", ""); revoked || len(list) != 1 || list[0].Kind != vault.Destroyed || err != nil {
			t.Errorf("check: %v, %v, %v", revoked, list, err)
		}
		r.reopen()
	}
}
