package keytype_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// The vectors of RFC 8032, sections 7.1 to 7.3, for the three schemes.
func TestEd25519VectorsOfRFC8032(t *testing.T) {
	for _, c := range []struct {
		name, seed, message, signature string
		o                              keytype.SignOptions
	}{
		{
			"7.1, test 3",
			"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", "af82",
			"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
			keytype.SignOptions{},
		},
		{
			"7.2, foo",
			"0305334e381af78f141cb666f6199f57bc3495335a256a95bd2a55bf546663f6", "f726936d19c800494e3fdaff20b276a8",
			"55a4cc2f70a54e04288c5f4cd1e45a7bb520b36292911876cada7323198dd87a8b36950b95130022907a7fb7c4e9b2d5f6cca685a587b4b21f4b888e4e7edb0d",
			keytype.SignOptions{Context: "foo"},
		},
		{
			"7.3, abc",
			"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42", "616263",
			"98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406",
			keytype.SignOptions{Ed25519ph: true},
		},
	} {
		material, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(decodeHex(t, c.seed)))
		if err != nil {
			t.Fatal(err)
		}
		key := parse[keytype.Signer](t, "ed25519", material)
		message, want := decodeHex(t, c.message), decodeHex(t, c.signature)
		got, err := key.Sign(nil, message, c.o)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: Sign = %x, %v", c.name, got, err)
		}
		if err := key.Verify(message, want, c.o); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.o.Ed25519ph {
			digest := sha512.Sum512(message)
			c.o.Prehashed = true
			if got, err := key.Sign(nil, digest[:], c.o); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s over the digest: Sign = %x, %v", c.name, got, err)
			}
		}
	}
}

// No scheme of a key takes a signature of another one.
func TestEd25519SchemesAreNotMixedUp(t *testing.T) {
	key := parse[keytype.Signer](t, "ed25519", signingKey(t, "ed25519"))
	digest := sha512.Sum512([]byte("message"))
	schemes := []keytype.SignOptions{{}, {Context: "a"}, {Context: "b"}, {Ed25519ph: true}, {Ed25519ph: true, Prehashed: true}, {Ed25519ph: true, Context: "a"}}
	for i, made := range schemes {
		signature, err := key.Sign(nil, digest[:], made)
		if err != nil {
			t.Fatal(err)
		}
		for j, o := range schemes {
			if err := key.Verify(digest[:], signature, o); (err == nil) != (i == j) {
				t.Errorf("made with %+v, verified with %+v: %v", made, o, err)
			}
		}
	}
}

func TestSchemesOfOtherTypesAreRefused(t *testing.T) {
	digest := make([]byte, 64)
	for name, options := range map[string][]keytype.SignOptions{
		"ed25519": {
			{PSS: true},
			{Raw: true},
			{DER: true},
			{Hash: crypto.SHA512},
			{Prehashed: true},
			{Ed25519ph: true, Hash: crypto.SHA256},
			{Context: string(make([]byte, 256))},
		},
		"ecdsa-p256": {{PSS: true}, {Ed25519ph: true}, {Context: "c"}, {DER: true, Raw: true}},
		"rsa-2048":   {{Raw: true}, {DER: true}, {Ed25519ph: true}, {Context: "c"}},
	} {
		key := parse[keytype.Signer](t, name, signingKey(t, name))
		for _, o := range options {
			if _, err := key.Sign(nil, digest, o); !errors.Is(err, keytype.ErrOptions) {
				t.Errorf("%s, %+v: Sign: %v, want %v", name, o, err, keytype.ErrOptions)
			}
			if err := key.Verify(digest, digest, o); !errors.Is(err, keytype.ErrOptions) {
				t.Errorf("%s, %+v: Verify: %v, want %v", name, o, err, keytype.ErrOptions)
			}
		}
	}
}

func decodeHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
