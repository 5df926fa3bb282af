package keytype_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// The numbers stand in stored records and ciphertexts: changing one of these
// lines loses data.
func TestTypesKeepTheirNumbers(t *testing.T) {
	numbers := map[string]uint16{
		"fernet": 1, "aes-256-gcm": 2, "xaes-256-gcm": 3, "chacha20-poly1305": 4, "hmac-sha256": 5,
		"aes-256-siv": 6, "aes-256-kwp": 7,
		"rsa-2048": 16, "rsa-3072": 17, "rsa-4096": 18, "ecdsa-p256": 19, "ecdsa-p384": 20, "ed25519": 21,
		"ecdsa-p521": 22, "x25519": 32, "p256": 33, "ffdh-2048": 34, "p384": 35, "ml-kem-768": 36,
		"hpke-x25519": 37, "hpke-mlkem768-x25519": 38,
		"hkdf-sha256": 48, "hkdf-sha384": 49, "hkdf-sha512": 50,
	}
	for name, id := range numbers {
		byName, ok := keytype.Lookup(name)
		if !ok {
			t.Errorf("no type %q", name)
			continue
		}
		byID, ok := keytype.ByID(id)
		if !ok || byID != byName || byName.ID != id || byName.Name != name {
			t.Errorf("type %q has number %d, want %d", name, byName.ID, id)
		}
	}
	for _, kind := range keytype.All() {
		if _, ok := numbers[kind.Name]; !ok {
			t.Errorf("type %q (%d) is not in this list", kind.Name, kind.ID)
		}
	}
	if _, ok := keytype.Lookup("FERNET"); ok {
		t.Error("names are not case-sensitive")
	}
	if _, ok := keytype.ByID(0); ok {
		t.Error("there is a type with number 0")
	}
}

func TestAllIsSortedAndTheCallersOwn(t *testing.T) {
	all := keytype.All()
	if !slices.IsSortedFunc(all, func(a, b *keytype.Type) int { return int(a.ID) - int(b.ID) }) {
		t.Error("All is not in the order of numbers")
	}
	clear(all)
	if keytype.All()[0] == nil {
		t.Error("a caller can change the registry")
	}
}

// A key implements exactly what its type's uses name: the vault asks for the
// interface after it has looked at the uses.
func TestKeysImplementWhatTheirUsesName(t *testing.T) {
	for _, kind := range keytype.All() {
		t.Run(kind.Name, func(t *testing.T) {
			material := materialOf(t, kind)
			key, err := kind.Parse(material)
			if err != nil {
				t.Fatal(err)
			}
			if key.Type() != kind {
				t.Errorf("its keys say that they are %s", key.Type().Name)
			}
			_, aead := key.(keytype.AEAD)
			_, token := key.(keytype.TokenSealer)
			_, oaep := key.(keytype.Decrypter)
			_, signs := key.(keytype.Signer)
			_, macs := key.(keytype.MACer)
			_, agrees := key.(keytype.Agreer)
			_, derives := key.(keytype.Deriver)
			_, encapsulates := key.(keytype.Encapsulator)
			_, opens := key.(keytype.Opener)
			_, unwraps := key.(keytype.Unwrapper)
			for _, c := range []struct {
				name string
				use  keytype.Use
				has  bool
			}{
				{"encrypt", keytype.UseEncrypt, aead || token || oaep || opens},
				{"decrypt", keytype.UseDecrypt, aead || token || oaep || opens},
				{"sign", keytype.UseSign, signs},
				{"verify", keytype.UseVerify, signs},
				{"MAC", keytype.UseMAC, macs},
				{"verify a MAC", keytype.UseVerifyMAC, macs},
				{"agree", keytype.UseAgree, agrees},
				{"derive", keytype.UseDerive, derives},
				{"encapsulate", keytype.UseEncapsulate, encapsulates},
				{"decapsulate", keytype.UseDecapsulate, encapsulates},
				{"wrap", keytype.UseWrap, unwraps},
				{"unwrap", keytype.UseUnwrap, unwraps},
			} {
				if named := kind.Uses&c.use != 0; named != c.has {
					t.Errorf("uses say %v to %q, the key implements it: %v", named, c.name, c.has)
				}
			}
			if (key.Public() != nil) != kind.Asymmetric() {
				t.Errorf("public key of %d bytes, asymmetric %v", len(key.Public()), kind.Asymmetric())
			}
			if _, ok := key.(keytype.Signer); ok != (kind.ParsePublic != nil) {
				t.Errorf("signs: %v, public keys can be read: %v", ok, kind.ParsePublic != nil)
			}
			again, err := kind.Parse(material)
			if err != nil || again.Fingerprint() != key.Fingerprint() {
				t.Errorf("the same material has another fingerprint (%v)", err)
			}
			key.Wipe()
			key.Wipe() // twice is no accident
			if again.Fingerprint() != key.Fingerprint() {
				t.Error("a wiped key has another fingerprint")
			}
			if _, err := kind.Parse(material); err != nil {
				t.Errorf("wiping a key wiped the caller's material: %v", err)
			}
		})
	}
}

// materialOf takes slow keys from testdata and makes the others.
func materialOf(t testing.TB, kind *keytype.Type) []byte {
	t.Helper()
	if slices.Contains(signingTypes(), kind.Name) {
		return signingKey(t, kind.Name)
	}
	return generate(t, kind.Name)
}

func TestOnlyFernetKeysExpireUnlessToldOtherwise(t *testing.T) {
	for _, kind := range keytype.All() {
		want := time.Duration(0)
		if kind.Name == "fernet" {
			want = time.Hour
		}
		if kind.DefaultTTL != want {
			t.Errorf("%s: default lifetime %v, want %v", kind.Name, kind.DefaultTTL, want)
		}
	}
}

func TestRegisterRefusesWhatIsTakenOrIncomplete(t *testing.T) {
	fernet, _ := keytype.Lookup("fernet")
	taken := func(change func(*keytype.Type)) *keytype.Type {
		c := *fernet
		c.Name, c.ID = "unheard-of", 60000
		change(&c)
		return &c
	}
	for name, kind := range map[string]*keytype.Type{
		"name taken":          taken(func(k *keytype.Type) { k.Name = "fernet" }),
		"number taken":        taken(func(k *keytype.Type) { k.ID = fernet.ID }),
		"no name":             taken(func(k *keytype.Type) { k.Name = "" }),
		"number zero":         taken(func(k *keytype.Type) { k.ID = 0 }),
		"no uses":             taken(func(k *keytype.Type) { k.Uses = 0 }),
		"default not in uses": taken(func(k *keytype.Type) { k.DefaultUses = keytype.UseAgree }),
		"no parser":           taken(func(k *keytype.Type) { k.Parse = nil }),
		"no generator":        taken(func(k *keytype.Type) { k.Generate = nil }),
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: registered", name)
				}
			}()
			keytype.Register(kind)
		}()
	}
}

func TestFingerprintsHaveOneSpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f [32]byte
		copy(f[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "fingerprint"))
		text := keytype.FormatFingerprint(f)
		back, err := keytype.ParseFingerprint(text)
		if err != nil || back != f {
			t.Fatalf("ParseFingerprint(%q) = %x, %v", text, back, err)
		}
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		for _, other := range []string{
			text + "=", text + "\n", text[:len(text)-1], "sha256:" + text[7:], text[7:],
			text[:at] + "\n" + text[at:], text[:at] + "\n" + text[at+1:], text[:at] + "-" + text[at+1:],
		} {
			if _, err := keytype.ParseFingerprint(other); err == nil {
				t.Fatalf("accepted %q for %q", other, text)
			}
		}
	})
}
