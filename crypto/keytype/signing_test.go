package keytype_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// signingKey returns a key from testdata/keys, which hold one of each size so
// that tests don't spend their time on finding primes.
func signingKey(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "keys", name+".pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, rest := pem.Decode(data)
	if block == nil || len(rest) != 0 {
		t.Fatalf("%s.pem is not one PEM block", name)
	}
	return block.Bytes
}

func signingTypes() []string {
	return []string{"rsa-2048", "rsa-3072", "rsa-4096", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519"}
}

func TestSignAndVerifyWithEveryScheme(t *testing.T) {
	schemes := map[string][]keytype.SignOptions{
		"rsa": {
			{},
			{SaltHash: true},
			{PKCS1v15: true},
			{Hash: crypto.SHA384},
			{Hash: crypto.SHA512, SaltHash: true},
			{Salt: 20},
			{Hash: crypto.SHA512, PKCS1v15: true},
		},
		"ecd": {
			{},
			{Hash: crypto.SHA256},
			{Hash: crypto.SHA384},
			{Hash: crypto.SHA512},
			{DER: true},
			{Raw: true},
			{Raw: true, Hash: crypto.SHA512},
		},
		"ed2": {{}, {Context: "c"}, {Ed25519ph: true}, {Ed25519ph: true, Hash: crypto.SHA512, Context: "c"}},
	}
	message := []byte("attack at dawn")
	for _, name := range signingTypes() {
		t.Run(name, func(t *testing.T) {
			key := parse[keytype.Signer](t, name, signingKey(t, name))
			public := parsePublic(t, name, key.Public())
			for _, o := range schemes[name[:3]] {
				signature, err := key.Sign(rand.Reader, message, o)
				if err != nil {
					t.Fatalf("%+v: %v", o, err)
				}
				if err := errors.Join(key.Verify(message, signature, o), public.Verify(message, signature, o)); err != nil {
					t.Errorf("%+v: %v", o, err)
				}
				refuse := func(what string, message, signature []byte) {
					t.Helper()
					if err := public.Verify(message, signature, o); !errors.Is(err, keytype.ErrVerify) {
						t.Errorf("%+v: %s: Verify = %v, want %v", o, what, err, keytype.ErrVerify)
					}
				}
				refuse("another message", message[1:], signature)
				refuse("no signature", message, nil)
				refuse("shorter", message, signature[:len(signature)-1])
				refuse("longer", message, append(bytes.Clone(signature), 0))
				for i := 0; i < len(signature); i += 1 + len(signature)/20 {
					changed := bytes.Clone(signature)
					changed[i] ^= 0x10
					refuse("changed", message, changed)
				}
			}
		})
	}
}

func parsePublic(t testing.TB, name string, spki []byte) keytype.Verifier {
	t.Helper()
	kind, ok := keytype.Lookup(name)
	if !ok {
		t.Fatalf("no type %q", name)
	}
	public, err := kind.ParsePublic(spki)
	if err != nil {
		t.Fatalf("parse a public %s key: %v", name, err)
	}
	v, ok := public.(keytype.Verifier)
	if !ok {
		t.Fatalf("a public %s key is %T, which can't verify", name, public)
	}
	return v
}

// A signature made under one scheme is none under another, with the same key.
func TestSchemesAreNotMixedUp(t *testing.T) {
	key := parse[keytype.Signer](t, "rsa-2048", signingKey(t, "rsa-2048"))
	schemes := []keytype.SignOptions{{}, {SaltHash: true}, {PKCS1v15: true}, {Hash: crypto.SHA384}, {Hash: crypto.SHA384, PKCS1v15: true}}
	message := []byte("message")
	for i, made := range schemes {
		signature, err := key.Sign(rand.Reader, message, made)
		if err != nil {
			t.Fatal(err)
		}
		for j, o := range schemes {
			if err := key.Verify(message, signature, o); (err == nil) != (i == j) {
				t.Errorf("made with %+v, verified with %+v: %v", made, o, err)
			}
		}
		anySalt := keytype.SignOptions{Hash: made.Hash, Salt: keytype.SaltAny}
		if err := key.Verify(message, signature, anySalt); (err == nil) != !made.PKCS1v15 {
			t.Errorf("made with %+v, verified with any salt: %v", made, err)
		}
	}
}

// The default is what the original system signs with: PSS, SHA-256, MGF1 with
// SHA-256, and a salt of 222 bytes for 2048 bits.
func TestDefaultRSASignatureHasTheLongestSalt(t *testing.T) {
	material := signingKey(t, "rsa-2048")
	key := parse[keytype.Signer](t, "rsa-2048", material)
	signature, err := key.Sign(rand.Reader, []byte("message"), keytype.SignOptions{})
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.ParsePKCS8PrivateKey(material)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("message"))
	public := &private.(*rsa.PrivateKey).PublicKey
	if err := rsa.VerifyPSS(public, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: 222}); err != nil {
		t.Error(err)
	}
}

// Signatures without a salt, or with any, are for others to make.
func TestSignWantsASaltOfKnownLength(t *testing.T) {
	key := parse[keytype.Signer](t, "rsa-2048", signingKey(t, "rsa-2048"))
	for _, salt := range []int{keytype.SaltNone, keytype.SaltAny} {
		if _, err := key.Sign(rand.Reader, []byte("message"), keytype.SignOptions{Salt: salt}); !errors.Is(err, keytype.ErrOptions) {
			t.Errorf("salt %d: Sign = %v, want %v", salt, err, keytype.ErrOptions)
		}
	}
}

func TestPrehashedMessages(t *testing.T) {
	message := []byte("message")
	sum256, sum384 := sha256.Sum256(message), sha512.Sum384(message)
	for name, digest := range map[string][]byte{"rsa-2048": sum256[:], "ecdsa-p256": sum256[:], "ecdsa-p384": sum384[:]} {
		key := parse[keytype.Signer](t, name, signingKey(t, name))
		signature, err := key.Sign(rand.Reader, digest, keytype.SignOptions{Prehashed: true})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := key.Verify(message, signature, keytype.SignOptions{}); err != nil {
			t.Errorf("%s: a signature over the digest is none over the message: %v", name, err)
		}
		if _, err := key.Sign(rand.Reader, digest[1:], keytype.SignOptions{Prehashed: true}); !errors.Is(err, keytype.ErrOptions) {
			t.Errorf("%s: signed a short digest: %v", name, err)
		}
		if err := key.Verify(digest[1:], signature, keytype.SignOptions{Prehashed: true}); !errors.Is(err, keytype.ErrOptions) {
			t.Errorf("%s: verified a short digest: %v", name, err)
		}
	}
}

func TestOptionsThatDoNotFit(t *testing.T) {
	for name, options := range map[string][]keytype.SignOptions{
		"rsa-2048": {
			{Hash: crypto.SHA1},
			{Hash: crypto.MD5},
			{Hash: crypto.SHA224},
			{Hash: crypto.Hash(200)},
			{PKCS1v15: true, SaltHash: true},
			{PKCS1v15: true, PSS: true},
			{Salt: keytype.SaltAny, SaltHash: true},
			{Salt: 20, PKCS1v15: true},
			{Salt: 223},
			{Salt: -3},
		},
		"ecdsa-p256": {{Hash: crypto.SHA1}, {PSS: true}, {PKCS1v15: true}, {SaltHash: true}, {Salt: 32}, {Salt: keytype.SaltAny}},
		"ed25519":    {{Hash: crypto.SHA512}, {Prehashed: true}, {PSS: true}, {PKCS1v15: true}, {SaltHash: true}, {Salt: 32}, {Salt: keytype.SaltAny}},
	} {
		key := parse[keytype.Signer](t, name, signingKey(t, name))
		for _, o := range options {
			if _, err := key.Sign(rand.Reader, make([]byte, 32), o); !errors.Is(err, keytype.ErrOptions) {
				t.Errorf("%s, %+v: Sign = %v, want %v", name, o, err, keytype.ErrOptions)
			}
			if err := key.Verify(make([]byte, 32), make([]byte, 64), o); !errors.Is(err, keytype.ErrOptions) {
				t.Errorf("%s, %+v: Verify = %v, want %v", name, o, err, keytype.ErrOptions)
			}
		}
	}
}

func TestGeneratedKeysSign(t *testing.T) {
	for _, name := range []string{"rsa-2048", "ecdsa-p256", "ecdsa-p384", "ecdsa-p521", "ed25519"} {
		a := parse[keytype.Signer](t, name, generate(t, name))
		b := parse[keytype.Signer](t, name, generate(t, name))
		signature, err := a.Sign(rand.Reader, []byte("message"), keytype.SignOptions{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := a.Verify([]byte("message"), signature, keytype.SignOptions{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := b.Verify([]byte("message"), signature, keytype.SignOptions{}); !errors.Is(err, keytype.ErrVerify) {
			t.Errorf("%s: another key verifies: %v", name, err)
		}
		if a.Fingerprint() == b.Fingerprint() || a.Fingerprint() != sha256.Sum256(a.Public()) {
			t.Errorf("%s: fingerprints are not those of the public keys", name)
		}
	}
}

// (r, n-s) is a signature when (r, s) is, by the standard; that is why nothing
// may treat signatures as unique.
func TestECDSAAcceptsTheOtherS(t *testing.T) {
	material := signingKey(t, "ecdsa-p256")
	parsed, err := x509.ParsePKCS8PrivateKey(material)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("message"))
	r, s, err := ecdsa.Sign(rand.Reader, parsed.(*ecdsa.PrivateKey), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	s.Sub(elliptic.P256().Params().N, s)
	key := parse[keytype.Signer](t, "ecdsa-p256", material)
	if err := key.Verify([]byte("message"), derSignature(r, s), keytype.SignOptions{}); err != nil {
		t.Error(err)
	}
	s.Add(s, elliptic.P256().Params().N)
	if err := key.Verify([]byte("message"), derSignature(r, s), keytype.SignOptions{}); !errors.Is(err, keytype.ErrVerify) {
		t.Errorf("accepted an s that is not reduced: %v", err)
	}
}

func derSignature(r, s *big.Int) []byte {
	integer := func(n *big.Int) []byte {
		b := append([]byte{0}, n.Bytes()...)
		if b[1] < 0x80 {
			b = b[1:]
		}
		return append([]byte{2, byte(len(b))}, b...)
	}
	body := append(integer(r), integer(s)...)
	return append([]byte{0x30, byte(len(body))}, body...)
}

func TestOAEP(t *testing.T) {
	key := parse[keytype.Decrypter](t, "rsa-2048", signingKey(t, "rsa-2048"))
	for _, h := range []crypto.Hash{0, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		size := 32
		if h != 0 {
			size = h.Size()
		}
		for _, n := range []int{0, 1, 256 - 2*size - 2} {
			plaintext := bytes.Repeat([]byte{7}, n)
			ciphertext, err := key.EncryptOAEP(rand.Reader, h, plaintext, []byte("label"))
			if err != nil {
				t.Fatalf("%v, %d bytes: %v", h, n, err)
			}
			if got, err := key.DecryptOAEP(h, ciphertext, []byte("label")); err != nil || !bytes.Equal(got, plaintext) {
				t.Errorf("%v, %d bytes: DecryptOAEP = %x, %v", h, n, got, err)
			}
			if _, err := key.DecryptOAEP(h, ciphertext, nil); !errors.Is(err, keytype.ErrDecrypt) {
				t.Errorf("%v: opened with another label: %v", h, err)
			}
			if _, err := key.DecryptOAEP(h, ciphertext[1:], []byte("label")); !errors.Is(err, keytype.ErrDecrypt) {
				t.Errorf("%v: opened a short ciphertext: %v", h, err)
			}
			ciphertext[100] ^= 1
			if _, err := key.DecryptOAEP(h, ciphertext, []byte("label")); !errors.Is(err, keytype.ErrDecrypt) {
				t.Errorf("%v: opened a changed ciphertext: %v", h, err)
			}
		}
		if _, err := key.EncryptOAEP(rand.Reader, h, make([]byte, 256-2*size-1), nil); !errors.Is(err, keytype.ErrOptions) {
			t.Errorf("%v: encrypted a byte too much: %v", h, err)
		}
	}
	if _, err := key.EncryptOAEP(rand.Reader, crypto.SHA1, nil, nil); !errors.Is(err, keytype.ErrOptions) {
		t.Errorf("encrypted with SHA-1: %v", err)
	}
	if _, err := key.DecryptOAEP(crypto.SHA1, make([]byte, 256), nil); !errors.Is(err, keytype.ErrOptions) {
		t.Errorf("decrypted with SHA-1: %v", err)
	}
}
