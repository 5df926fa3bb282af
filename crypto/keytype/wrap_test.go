package keytype_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// Every way to wrap gives the material back to the key's holder alone, also
// when only the public key was there to wrap under.
func TestWrapAndUnwrap(t *testing.T) {
	material := generate(t, "xaes-256-gcm")
	for _, c := range []struct {
		kind string
		a    keytype.WrapAlgorithm
	}{
		{"aes-256-kwp", keytype.WrapAESKWP},
		{"rsa-2048", keytype.WrapRSAOAEP},
		{"rsa-2048", keytype.WrapRSAAESKWP},
		{"hpke-x25519", keytype.WrapHPKE},
		{"hpke-mlkem768-x25519", keytype.WrapHPKE},
	} {
		own := materialOf(t, parse[keytype.Key](t, c.kind, generateFast(t, c.kind)).Type())
		key := parse[keytype.Unwrapper](t, c.kind, own)
		under := []keytype.WrappingKey{key}
		if spki := key.Public(); spki != nil {
			public, err := keytype.ParseWrapping(spki)
			if err != nil || public.Type() != key.Type() {
				t.Fatalf("%s: %v", c.kind, err)
			}
			under = append(under, public)
		}
		for _, w := range under {
			wrapped, used, err := w.Wrap(rand.Reader, c.a, material)
			if err != nil || used != c.a || bytes.Contains(wrapped, material) {
				t.Fatalf("%s by %d: by %d, %v", c.kind, c.a, used, err)
			}
			if got, err := key.Unwrap(c.a, wrapped); err != nil || !bytes.Equal(got, material) {
				t.Errorf("%s by %d: %x, %v", c.kind, c.a, got, err)
			}
			for i := 0; i < len(wrapped); i += 1 + len(wrapped)/24 {
				changed := bytes.Clone(wrapped)
				changed[i] ^= 1
				if _, err := key.Unwrap(c.a, changed); !errors.Is(err, keytype.ErrDecrypt) {
					t.Errorf("%s by %d: byte %d changed: %v", c.kind, c.a, i, err)
				}
			}
			for _, n := range []int{0, 8, 16, len(wrapped) / 2, len(wrapped) - 1} {
				if _, err := key.Unwrap(c.a, wrapped[:n]); !errors.Is(err, keytype.ErrDecrypt) {
					t.Errorf("%s by %d: cut to %d bytes: %v", c.kind, c.a, n, err)
				}
			}
			other := keytype.WrapHPKE
			if c.a == keytype.WrapHPKE {
				other = keytype.WrapAESKWP
			}
			if _, _, err := w.Wrap(rand.Reader, other, material); !errors.Is(err, keytype.ErrOptions) {
				t.Errorf("%s by an algorithm that is not its own: %v", c.kind, err)
			}
			if _, err := key.Unwrap(other, wrapped); !errors.Is(err, keytype.ErrOptions) {
				t.Errorf("%s opens by an algorithm that is not its own: %v", c.kind, err)
			}
		}
	}
}

// A message is not opened as a key, nor a key as a message.
func TestWrappedKeysAreNoMessages(t *testing.T) {
	for _, name := range []string{"hpke-x25519", "hpke-mlkem768-x25519"} {
		key := parse[keytype.Unwrapper](t, name, generate(t, name))
		opener := key.(keytype.Opener)
		wrapped, _, err := key.Wrap(rand.Reader, keytype.WrapDefault, generate(t, "xaes-256-gcm"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := opener.OpenHPKE(nil, wrapped); !errors.Is(err, keytype.ErrDecrypt) {
			t.Errorf("%s: a wrapped key opens as a message: %v", name, err)
		}
		sealed, err := opener.SealHPKE(nil, generate(t, "xaes-256-gcm"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := key.Unwrap(keytype.WrapDefault, sealed); !errors.Is(err, keytype.ErrDecrypt) {
			t.Errorf("%s: a message opens as a key: %v", name, err)
		}
	}
}

func TestParseWrappingRefusesWhatWrapsNothing(t *testing.T) {
	for _, name := range []string{"ecdsa-p256", "ed25519", "p256", "ml-kem-768"} {
		spki := parse[keytype.Key](t, name, generate(t, name)).Public()
		if _, err := keytype.ParseWrapping(spki); !errors.Is(err, keytype.ErrMaterial) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range [][]byte{nil, {0x30, 0}, make([]byte, 9000)} {
		if _, err := keytype.ParseWrapping(bad); !errors.Is(err, keytype.ErrMaterial) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
}

// generateFast is generate, with the key from testdata for RSA.
func generateFast(t testing.TB, name string) []byte {
	if name == "rsa-2048" {
		return signingKey(t, name)
	}
	return generate(t, name)
}

// An ML-KEM key in the form with seed and expanded key is the same key, as long
// as both belong together.
func TestMLKEMImportsTheFormWithBoth(t *testing.T) {
	kind, _ := keytype.Lookup("ml-kem-768")
	both := signingKey(t, "ml-kem-768-both")
	got, err := kind.Import(both)
	if err != nil || !bytes.Contains(both, got[len(got)-64:]) {
		t.Errorf("Import = %x, %v", got, err)
	}
	if again, err := kind.Import(got); err != nil || !bytes.Equal(got, again) {
		t.Errorf("Import of what it made = %x, %v", again, err)
	}
	if found, _, err := keytype.ImportPKCS8(both); err != nil || found != kind {
		t.Errorf("ImportPKCS8 = %v, %v", found, err)
	}
	last := len(both) - 1
	both[last] ^= 1 // of what is kept beside the inner key
	if _, err := kind.Import(both); !errors.Is(err, keytype.ErrMaterial) {
		t.Errorf("seed and key of two keys: %v", err)
	}
	if _, err := kind.Import(both[:last]); !errors.Is(err, keytype.ErrMaterial) {
		t.Errorf("cut: %v", err)
	}
}
