package exchange

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"sync"
	"testing"
	"time"
)

var testTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// party is one side of an exchange, with its signing key.
type party struct {
	Identity
	sign Signer
}

func (p *party) peer() Peer { return Peer{Fingerprint: p.Fingerprint()} }

func newParty(t testing.TB, name string, key crypto.Signer) *party {
	t.Helper()
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	sign := func(message []byte) ([]byte, error) {
		switch k := key.(type) {
		case *rsa.PrivateKey:
			digest := sha256.Sum256(message)
			return rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto})
		case *ecdsa.PrivateKey:
			if k.Curve == elliptic.P384() {
				digest := sha512.Sum384(message)
				return ecdsa.SignASN1(rand.Reader, k, digest[:])
			}
			digest := sha256.Sum256(message)
			return ecdsa.SignASN1(rand.Reader, k, digest[:])
		}
		return key.Sign(rand.Reader, message, crypto.Hash(0))
	}
	return &party{Identity{name, spki}, sign}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ed25519Party(t testing.TB, name string) *party {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return newParty(t, name, must(key, err)(t))
}

// rsaKeys are made once: they take long.
var rsaKeys = sync.OnceValues(func() (keys [2]*rsa.PrivateKey, err error) {
	for i := range keys {
		if keys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return keys, err
		}
	}
	return keys, nil
})

func rsaParty(t testing.TB, name string, i int) *party {
	return newParty(t, name, must(rsaKeys())(t)[i])
}

func ecdsaParty(t testing.TB, name string, curve elliptic.Curve) *party {
	return newParty(t, name, must(ecdsa.GenerateKey(curve, rand.Reader))(t))
}

var testTerms = Terms{Group: "x25519", Purpose: "backup", SessionType: "fernet", Lifetime: time.Hour}

func offerOptions(self, peer *party, change ...func(*OfferOptions)) OfferOptions {
	o := OfferOptions{Self: self.Identity, Sign: self.sign, Peer: peer.peer(), Terms: testTerms, Now: testTime, Random: rand.Reader}
	for _, c := range change {
		c(&o)
	}
	return o
}

func acceptOptions(self, peer *party, change ...func(*AcceptOptions)) AcceptOptions {
	o := AcceptOptions{
		Self: self.Identity, Sign: self.sign, Peer: peer.peer(),
		Purpose: testTerms.Purpose, SessionType: testTerms.SessionType,
		Now: testTime.Add(time.Minute), Random: rand.Reader,
	}
	for _, c := range change {
		c(&o)
	}
	return o
}

// run is an exchange between alice and bob, step by step.
type run struct {
	alice, bob             *party
	offer, accept, confirm []byte
	pendingA, pendingB     *Pending
	sessionA, sessionB     *Session
}

func (r *run) doOffer(t testing.TB, change ...func(*OfferOptions)) {
	t.Helper()
	var err error
	if r.offer, r.pendingA, err = Offer(offerOptions(r.alice, r.bob, change...)); err != nil {
		t.Fatal(err)
	}
}

func (r *run) doAccept(t testing.TB, change ...func(*AcceptOptions)) {
	t.Helper()
	var err error
	if r.accept, r.pendingB, err = Accept(r.offer, acceptOptions(r.bob, r.alice, change...)); err != nil {
		t.Fatal(err)
	}
}

// store takes both states through their stored form.
func (r *run) store(t testing.TB) {
	t.Helper()
	for _, p := range []**Pending{&r.pendingA, &r.pendingB} {
		b := must((*p).Marshal())(t)
		original := bytes.Clone(b)
		back := must(UnmarshalPending(b))(t)
		if again := must(back.Marshal())(t); !bytes.Equal(again, original) {
			t.Fatal("state changed by storing it")
		}
		(*p).Wipe()
		*p = back
	}
}

func (r *run) doConfirm(t testing.TB) {
	t.Helper()
	var err error
	if r.confirm, r.sessionA, err = r.pendingA.Confirm(r.accept, testTime.Add(2*time.Minute), r.alice.sign); err != nil {
		t.Fatal(err)
	}
}

func (r *run) doFinish(t testing.TB) {
	t.Helper()
	var err error
	if r.sessionB, err = r.pendingB.Finish(r.confirm, testTime.Add(3*time.Minute)); err != nil {
		t.Fatal(err)
	}
}

func newRun(t testing.TB) *run {
	return &run{alice: ed25519Party(t, "alice"), bob: ed25519Party(t, "bob")}
}
