package exchange_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/vaultd/vaultd/crypto/exchange"
)

func Example() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	alice, signAlice := newIdentity("alice")
	bob, signBob := newIdentity("bob")

	// Each knows the fingerprint of the other's signing key beforehand.
	offer, alicePending, err := exchange.Offer(exchange.OfferOptions{
		Self: alice, Sign: signAlice, Peer: exchange.Peer{Fingerprint: bob.Fingerprint()},
		Terms: exchange.Terms{Group: "x25519", Purpose: "backup", SessionType: "fernet", Lifetime: time.Hour},
		Now:   now, Random: rand.Reader,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	accept, bobPending, err := exchange.Accept(offer, exchange.AcceptOptions{
		Self: bob, Sign: signBob, Peer: exchange.Peer{Fingerprint: alice.Fingerprint()},
		Purpose: "backup", SessionType: "fernet", Now: now, Random: rand.Reader,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	confirm, aliceSession, err := alicePending.Confirm(accept, now, signAlice)
	if err != nil {
		fmt.Println(err)
		return
	}
	bobSession, err := bobPending.Finish(confirm, now)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(bytes.Equal(aliceSession.Key, bobSession.Key), bobSession.Peer.Name, bobSession.Expires.Format(time.TimeOnly))
	// Output: true alice 13:00:00
}

func newIdentity(name string) (exchange.Identity, exchange.Signer) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		panic(err)
	}
	sign := func(message []byte) ([]byte, error) { return private.Sign(nil, message, crypto.Hash(0)) }
	return exchange.Identity{Name: name, SPKI: spki}, sign
}
