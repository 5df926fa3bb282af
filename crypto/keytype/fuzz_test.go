package keytype_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// fuzzMaterial checks one type: whatever its parser takes, it takes in one
// encoding only, and Import agrees.
func fuzzMaterial(f *testing.F, name string) {
	kind, ok := keytype.Lookup(name)
	if !ok {
		f.Fatalf("no type %q", name)
	}
	f.Add(materialOf(f, kind))
	f.Add([]byte{0x30, 0x83, 0, 0, 0})
	f.Fuzz(func(t *testing.T, material []byte) {
		before := bytes.Clone(material)
		key, err := kind.Parse(material)
		if !bytes.Equal(material, before) {
			t.Fatal("Parse changed its argument")
		}
		if err != nil {
			if !errors.Is(err, keytype.ErrMaterial) {
				t.Fatalf("Parse = %v, which is no ErrMaterial", err)
			}
			return
		}
		if key.Type() != kind {
			t.Fatalf("a key of type %s", key.Type().Name)
		}
		key.Wipe()
		if kind.ID == keytype.IDRSA2048 {
			return // primality tests are too slow to be fuzzed
		}
		if imported, err := kind.Import(material); err != nil || !bytes.Equal(imported, material) {
			t.Fatalf("Parse takes %x, which Import makes %x (%v)", material, imported, err)
		}
	})
}

func FuzzFernetMaterial(f *testing.F)           { fuzzMaterial(f, "fernet") }
func FuzzXAES256GCMMaterial(f *testing.F)       { fuzzMaterial(f, "xaes-256-gcm") }
func FuzzAES256GCMMaterial(f *testing.F)        { fuzzMaterial(f, "aes-256-gcm") }
func FuzzChaCha20Poly1305Material(f *testing.F) { fuzzMaterial(f, "chacha20-poly1305") }
func FuzzHMACSHA256Material(f *testing.F)       { fuzzMaterial(f, "hmac-sha256") }
func FuzzRSAMaterial(f *testing.F)              { fuzzMaterial(f, "rsa-2048") }
func FuzzECDSAP256Material(f *testing.F)        { fuzzMaterial(f, "ecdsa-p256") }
func FuzzECDSAP384Material(f *testing.F)        { fuzzMaterial(f, "ecdsa-p384") }
func FuzzEd25519Material(f *testing.F)          { fuzzMaterial(f, "ed25519") }
func FuzzMLKEM768Material(f *testing.F)         { fuzzMaterial(f, "ml-kem-768") }
func FuzzHPKEMaterial(f *testing.F)             { fuzzMaterial(f, "hpke-mlkem768-x25519") }

// FuzzUnwrap checks that nothing that was not wrapped opens, and that all that is
// refused is refused in the same words.
func FuzzUnwrap(f *testing.F) {
	var keys []keytype.Unwrapper
	for _, name := range []string{"aes-256-kwp", "hpke-x25519", "hpke-mlkem768-x25519"} {
		key := parse[keytype.Unwrapper](f, name, generate(f, name))
		wrapped, _, err := key.Wrap(nil, keytype.WrapDefault, make([]byte, 32))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(len(keys)), wrapped[:len(wrapped)-1])
		keys = append(keys, key)
	}
	f.Fuzz(func(t *testing.T, i uint8, wrapped []byte) {
		if material, err := keys[int(i)%len(keys)].Unwrap(keytype.WrapDefault, wrapped); !errors.Is(err, keytype.ErrDecrypt) {
			t.Fatalf("%x opens to %x, %v", wrapped, material, err)
		}
	})
}

// FuzzImportPKCS8 checks that what Import makes is what Parse takes.
func FuzzImportPKCS8(f *testing.F) {
	for _, name := range []string{"ecdsa-p256", "ecdsa-p384", "ed25519"} {
		f.Add(signingKey(f, name))
		f.Add(withAttributes(f, signingKey(f, name)))
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		kind, material, err := keytype.ImportPKCS8(der)
		if err != nil {
			return
		}
		if _, err := kind.Parse(material); err != nil {
			t.Fatalf("Import made a %s key that does not parse: %v", kind.Name, err)
		}
	})
}

// FuzzParsePublic checks that a public key has one encoding, hence one
// fingerprint.
func FuzzParsePublic(f *testing.F) {
	for _, name := range signingTypes() {
		f.Add(parse[keytype.Key](f, name, signingKey(f, name)).Public())
	}
	f.Fuzz(func(t *testing.T, spki []byte) {
		key, err := keytype.ParsePublic(spki)
		if err != nil {
			return
		}
		if !bytes.Equal(key.Public(), spki) {
			t.Fatalf("%x is another spelling of %x", spki, key.Public())
		}
		if err := key.(keytype.Verifier).Verify(nil, nil, keytype.SignOptions{}); !errors.Is(err, keytype.ErrVerify) {
			t.Fatalf("an empty signature: %v", err)
		}
	})
}

func FuzzParseFingerprint(f *testing.F) {
	f.Add("SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, s string) {
		if fingerprint, err := keytype.ParseFingerprint(s); err == nil && keytype.FormatFingerprint(fingerprint) != s {
			t.Fatalf("%q is another spelling of %q", s, keytype.FormatFingerprint(fingerprint))
		}
	})
}
