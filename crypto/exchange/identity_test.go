package exchange

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"math/big"
	"testing"
	"time"
)

func TestSigningKeysThatAreAccepted(t *testing.T) {
	spki := func(public any) []byte { return must(x509.MarshalPKIXPublicKey(public))(t) }
	ofBits := func(bits int) []byte {
		return spki(&rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), bits-1, 1), E: 65537})
	}
	curve := func(c elliptic.Curve) []byte { return spki(must(ecdsa.GenerateKey(c, rand.Reader))(t).Public()) }
	for name, c := range map[string]struct {
		spki []byte
		ok   bool
	}{
		"RSA of 2047 bits": {ofBits(2047), false},
		"RSA of 2048 bits": {ofBits(2048), true},
		"RSA of 8192 bits": {ofBits(8192), true},
		"RSA of 8193 bits": {ofBits(8193), false},
		"P-224":            {curve(elliptic.P224()), false},
		"P-256":            {curve(elliptic.P256()), true},
		"P-384":            {curve(elliptic.P384()), true},
		"P-521":            {curve(elliptic.P521()), false},
		"X25519":           {spki(must(ecdh.X25519().GenerateKey(rand.Reader))(t).Public()), false},
		"Ed25519":          {ed25519Party(t, "a").SPKI, true},
		"trailing byte":    {append(ed25519Party(t, "a").SPKI, 0), false},
		"too long":         {make([]byte, maxSPKI+1), false},
		"nothing":          {nil, false},
	} {
		if _, err := parseSigningKey(c.spki); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrSigningKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The signature is that of pyca/cryptography's PSS.MAX_LENGTH and no other: a
// shorter salt is another scheme.
func TestPSSSaltLengthIsTheLongest(t *testing.T) {
	key := must(rsaKeys())(t)[0]
	digest := sha256.Sum256([]byte("message"))
	for salt, want := range map[int]bool{rsa.PSSSaltLengthAuto: true, 222: true, 221: false, rsa.PSSSaltLengthEqualsHash: false, 20: false} {
		signature := must(rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: salt}))(t)
		if got := verifyPSS(&key.PublicKey, []byte("message"), signature); got != want {
			t.Errorf("salt of %d bytes: accepted %v", salt, got)
		}
	}
	pkcs1 := must(rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:]))(t)
	if verifyPSS(&key.PublicKey, []byte("message"), pkcs1) {
		t.Error("a PKCS #1 v1.5 signature was accepted")
	}
}

func TestAcceptRefusesItsOwnOptions(t *testing.T) {
	r := newRun(t)
	r.doOffer(t)
	for name, c := range map[string]struct {
		change func(*AcceptOptions)
		want   error
	}{
		"no name":           {func(o *AcceptOptions) { o.Self.Name = "" }, ErrOptions},
		"another's signer":  {func(o *AcceptOptions) { o.Sign = r.alice.sign }, ErrOptions},
		"no peer":           {func(o *AcceptOptions) { o.Peer = Peer{} }, ErrOptions},
		"peer is oneself":   {func(o *AcceptOptions) { o.Peer = r.bob.peer() }, ErrReflected},
		"negative lifetime": {func(o *AcceptOptions) { o.Lifetime = -time.Hour }, ErrOptions},
	} {
		if _, _, err := Accept(r.offer, acceptOptions(r.bob, r.alice, c.change)); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	for _, n := range []int{0, 31, 40} {
		short := func(o *AcceptOptions) { o.Random = bytes.NewReader(make([]byte, n)) }
		if _, _, err := Accept(r.offer, acceptOptions(r.bob, r.alice, short)); err == nil {
			t.Errorf("%d bytes of randomness were enough", n)
		}
	}
}
