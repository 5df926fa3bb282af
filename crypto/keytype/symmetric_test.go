package keytype_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vaultd/vaultd/crypto/fernet"
	"github.com/vaultd/vaultd/crypto/keytype"
)

// parse returns a key of the named type from given material.
func parse[K keytype.Key](t testing.TB, name string, material []byte) K {
	t.Helper()
	kind, ok := keytype.Lookup(name)
	if !ok {
		t.Fatalf("no type %q", name)
	}
	key, err := kind.Parse(material)
	if err != nil {
		t.Fatalf("parse a %s key: %v", name, err)
	}
	k, ok := key.(K)
	if !ok {
		t.Fatalf("%s keys are %T, which is not what their uses say", name, key)
	}
	return k
}

// generate returns new material of the named type.
func generate(t testing.TB, name string) []byte {
	t.Helper()
	kind, ok := keytype.Lookup(name)
	if !ok {
		t.Fatalf("no type %q", name)
	}
	material, err := kind.Generate(rand.Reader)
	if err != nil {
		t.Fatalf("generate a %s key: %v", name, err)
	}
	return material
}

func aeadTypes() []string { return []string{"xaes-256-gcm", "aes-256-gcm", "chacha20-poly1305"} }

func TestAEADRoundTrip(t *testing.T) {
	for _, name := range aeadTypes() {
		t.Run(name, func(t *testing.T) {
			key := parse[keytype.AEAD](t, name, generate(t, name))
			other := parse[keytype.AEAD](t, name, generate(t, name))
			rapid.Check(t, func(t *rapid.T) {
				plaintext := rapid.SliceOf(rapid.Byte()).Draw(t, "plaintext")
				aad := rapid.SliceOf(rapid.Byte()).Draw(t, "aad")
				prefix := rapid.SliceOf(rapid.Byte()).Draw(t, "prefix")
				out, err := key.Seal(bytes.Clone(prefix), plaintext, aad)
				if err != nil {
					t.Fatal(err)
				}
				sealed, ok := bytes.CutPrefix(out, prefix)
				if !ok || len(sealed) != len(plaintext)+key.Overhead() {
					t.Fatalf("Seal appended %d bytes for %d", len(sealed), len(plaintext))
				}
				opened, err := key.Open(bytes.Clone(prefix), sealed, aad)
				if err != nil || !bytes.Equal(opened, append(bytes.Clone(prefix), plaintext...)) {
					t.Fatalf("Open = %x, %v", opened, err)
				}
				if _, err := key.Open(nil, sealed, append(aad, 0)); !errors.Is(err, keytype.ErrDecrypt) {
					t.Fatalf("opened with other associated data: %v", err)
				}
				if _, err := other.Open(nil, sealed, aad); !errors.Is(err, keytype.ErrDecrypt) {
					t.Fatalf("opened with another key: %v", err)
				}
				sealed[rapid.IntRange(0, len(sealed)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
				if _, err := key.Open(nil, sealed, aad); !errors.Is(err, keytype.ErrDecrypt) {
					t.Fatalf("opened what was changed: %v", err)
				}
				if _, err := key.Open(nil, sealed[:rapid.IntRange(0, len(sealed)-1).Draw(t, "cut")], aad); !errors.Is(err, keytype.ErrDecrypt) {
					t.Fatalf("opened what was cut: %v", err)
				}
			})
		})
	}
}

// The two AES types share a construction, and the same bytes under two names
// are still two keys with two fingerprints.
func TestFingerprintsOfSymmetricKeysDependOnTheType(t *testing.T) {
	material := bytes.Repeat([]byte{1}, 32)
	seen := make(map[[32]byte]string)
	for _, name := range append(aeadTypes(), "fernet", "hmac-sha256") {
		f := parse[keytype.Key](t, name, material).Fingerprint()
		if other, ok := seen[f]; ok {
			t.Errorf("%s and %s keys have one fingerprint", name, other)
		}
		seen[f] = name
		want := sha256.Sum256([]byte("vaultd/1/fingerprint\x00" + name + "\x00" + string(material)))
		if f != want {
			t.Errorf("%s: fingerprint is not the hash that the format names", name)
		}
	}
}

func TestSymmetricTypesRefuseOtherSizes(t *testing.T) {
	for _, name := range append(aeadTypes(), "fernet") {
		kind, _ := keytype.Lookup(name)
		for _, n := range []int{0, 1, 16, 31, 33, 44, 64} {
			if _, err := kind.Parse(make([]byte, n)); !errors.Is(err, keytype.ErrMaterial) {
				t.Errorf("%s: Parse of %d bytes = %v, want %v", name, n, err, keytype.ErrMaterial)
			}
		}
	}
	kind, _ := keytype.Lookup("hmac-sha256")
	for n, want := range map[int]error{13: keytype.ErrMaterial, 14: nil, 32: nil, 1024: nil, 1025: keytype.ErrMaterial} {
		if _, err := kind.Parse(make([]byte, n)); !errors.Is(err, want) {
			t.Errorf("hmac-sha256: Parse of %d bytes = %v, want %v", n, err, want)
		}
	}
}

func TestFernetTokens(t *testing.T) {
	material := generate(t, "fernet")
	key := parse[keytype.TokenSealer](t, "fernet", material)
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	token, err := key.SealToken(now, []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := fernet.Open(material, now, 0, token); err != nil || string(got) != "hello" {
		t.Errorf("the token is not a plain Fernet token: %q, %v", got, err)
	}
	if got, err := key.OpenToken(now, time.Minute, token); err != nil || string(got) != "hello" {
		t.Errorf("OpenToken = %q, %v", got, err)
	}
	late := now.Add(time.Minute + time.Second)
	if _, err := key.OpenToken(late, time.Minute, token); !errors.Is(err, keytype.ErrTokenAge) || !errors.Is(err, keytype.ErrDecrypt) {
		t.Errorf("OpenToken of an old token = %v", err)
	}
	if _, err := key.OpenToken(late, 0, token); err != nil {
		t.Errorf("OpenToken without a limit = %v", err)
	}
	if _, err := key.OpenToken(now, 0, token[:len(token)-4]); !errors.Is(err, keytype.ErrDecrypt) || errors.Is(err, keytype.ErrTokenAge) {
		t.Errorf("OpenToken of a cut token = %v", err)
	}
	if _, err := key.SealToken(time.Unix(-1, 0), nil); !errors.Is(err, keytype.ErrOptions) {
		t.Errorf("SealToken before 1970 = %v", err)
	}
	again, err := key.SealToken(now, []byte("hello"))
	if err != nil || bytes.Equal(again, token) {
		t.Errorf("two tokens over one plaintext are equal (%v)", err)
	}
}

func TestHMACRefusesEveryOtherTag(t *testing.T) {
	key := parse[keytype.MACer](t, "hmac-sha256", generate(t, "hmac-sha256"))
	message := []byte("attack at dawn")
	tag := key.MAC(nil, message)
	if err := key.VerifyMAC(message, tag); err != nil {
		t.Fatal(err)
	}
	for n := range len(tag) {
		if err := key.VerifyMAC(message, tag[:n]); !errors.Is(err, keytype.ErrVerify) {
			t.Errorf("accepted a tag cut to %d bytes: %v", n, err)
		}
		tag[n] ^= 1
		if err := key.VerifyMAC(message, tag); !errors.Is(err, keytype.ErrVerify) {
			t.Errorf("accepted a tag with byte %d changed: %v", n, err)
		}
		tag[n] ^= 1
	}
	if err := key.VerifyMAC(message, append(tag, 0)); !errors.Is(err, keytype.ErrVerify) {
		t.Errorf("accepted a longer tag: %v", err)
	}
	if err := key.VerifyMAC(message[1:], tag); !errors.Is(err, keytype.ErrVerify) {
		t.Errorf("accepted another message: %v", err)
	}
}

// Keys are shared by all connections.
func TestSymmetricKeysFromManyGoroutines(t *testing.T) {
	aead := parse[keytype.AEAD](t, "xaes-256-gcm", generate(t, "xaes-256-gcm"))
	tokens := parse[keytype.TokenSealer](t, "fernet", generate(t, "fernet"))
	mac := parse[keytype.MACer](t, "hmac-sha256", generate(t, "hmac-sha256"))
	failed := make(chan error, 8)
	for g := range cap(failed) {
		go func() {
			message := bytes.Repeat([]byte{byte(g)}, 100)
			for range 200 {
				sealed, err := aead.Seal(nil, message, nil)
				if err != nil {
					failed <- err
					return
				}
				if got, err := aead.Open(nil, sealed, nil); err != nil || !bytes.Equal(got, message) {
					failed <- errors.Join(err, errors.New("aead: another plaintext"))
					return
				}
				token, err := tokens.SealToken(time.Unix(1, 0), message)
				if err != nil {
					failed <- err
					return
				}
				if got, err := tokens.OpenToken(time.Unix(1, 0), 0, token); err != nil || !bytes.Equal(got, message) {
					failed <- errors.Join(err, errors.New("fernet: another plaintext"))
					return
				}
				if err := mac.VerifyMAC(message, mac.MAC(nil, message)); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}
