package keytype_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/vaultd/vaultd/crypto/internal/wycheproof"
	"github.com/vaultd/vaultd/crypto/keytype"
)

// hashes are all that vectors name. The types offer three of them, and must
// refuse the others with ErrOptions.
var hashes = map[string]crypto.Hash{
	"SHA-1": crypto.SHA1, "SHA-224": crypto.SHA224,
	"SHA-256": crypto.SHA256, "SHA-384": crypto.SHA384, "SHA-512": crypto.SHA512,
}

func offered(sha string) bool { return sha == "SHA-256" || sha == "SHA-384" || sha == "SHA-512" }

type signatureGroup struct {
	SHA      string           `json:"sha"`
	MGFSHA   string           `json:"mgfSha"`
	SaltSize int              `json:"sLen"`
	Public   wycheproof.Bytes `json:"publicKeyDer"`
	Tests    []struct {
		wycheproof.Case
		Msg, Sig wycheproof.Bytes
	}
}

// checkSignatures runs one group. There are "acceptable" cases only for
// PKCS #1 v1.5 (MissingNull: the DigestInfo lacks the NULL parameter, which
// RFC 8017, appendix A.2.4 says must be there); they are refused.
func checkSignatures(t *testing.T, file, kind string, g signatureGroup, o keytype.SignOptions) {
	t.Helper()
	public := parsePublic(t, kind, g.Public)
	for _, c := range g.Tests {
		err := public.Verify(c.Msg, c.Sig, o)
		switch {
		case c.Valid() && err != nil:
			t.Errorf("%s, %v: %v", file, c.Case, err)
		case !c.Valid() && !errors.Is(err, keytype.ErrVerify):
			t.Errorf("%s, %v: Verify = %v, want %v", file, c.Case, err, keytype.ErrVerify)
		}
	}
}

func TestWycheproofECDSA(t *testing.T) {
	files := map[string]string{"ecdsa_secp256r1_sha256": "ecdsa-p256", "ecdsa_secp384r1_sha384": "ecdsa-p384", "ecdsa_secp521r1_sha512": "ecdsa-p521"}
	if testing.Short() { // the same code with other curves
		delete(files, "ecdsa_secp384r1_sha384")
		delete(files, "ecdsa_secp521r1_sha512")
	}
	for file, kind := range files {
		for _, g := range wycheproof.Load[signatureGroup](t, file) {
			checkSignatures(t, file, kind, g, keytype.SignOptions{Hash: hashes[g.SHA]})
		}
	}
}

func TestWycheproofECDSARaw(t *testing.T) {
	files := map[string]string{"ecdsa_secp256r1_sha256_p1363": "ecdsa-p256", "ecdsa_secp384r1_sha384_p1363": "ecdsa-p384"}
	if testing.Short() {
		delete(files, "ecdsa_secp384r1_sha384_p1363")
	}
	for file, kind := range files {
		for _, g := range wycheproof.Load[signatureGroup](t, file) {
			checkSignatures(t, file, kind, g, keytype.SignOptions{Hash: hashes[g.SHA], Raw: true})
		}
	}
}

// A key shorter than 128 bits is refused, whatever it derives.
func TestWycheproofHKDF(t *testing.T) {
	type group struct {
		Tests []struct {
			wycheproof.Case
			IKM, Salt, Info, OKM wycheproof.Bytes
			Size                 int
		}
	}
	for file, name := range map[string]string{"hkdf_sha256": "hkdf-sha256", "hkdf_sha384": "hkdf-sha384", "hkdf_sha512": "hkdf-sha512"} {
		kind, _ := keytype.Lookup(name)
		ran := 0
		for _, g := range wycheproof.Load[group](t, file) {
			for _, c := range g.Tests {
				key, err := kind.Parse(c.IKM)
				if len(c.IKM) < 16 {
					if !errors.Is(err, keytype.ErrMaterial) {
						t.Errorf("%s, %v: a key of %d bytes is taken: %v", file, c.Case, len(c.IKM), err)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%s, %v: %v", file, c.Case, err)
				}
				ran++
				got, err := key.(keytype.Deriver).Derive(c.Salt, c.Info, c.Size)
				switch {
				case !c.Valid() && !errors.Is(err, keytype.ErrOptions):
					t.Errorf("%s, %v: %v, want %v", file, c.Case, err, keytype.ErrOptions)
				case c.Valid() && (err != nil || !bytes.Equal(got, c.OKM)):
					t.Errorf("%s, %v: Derive = %x, %v", file, c.Case, got, err)
				}
			}
		}
		if ran == 0 {
			t.Errorf("%s: no vector applies", file)
		}
	}
}

func TestWycheproofEd25519(t *testing.T) {
	for _, g := range wycheproof.Load[signatureGroup](t, "ed25519") {
		checkSignatures(t, "ed25519", "ed25519", g, keytype.SignOptions{})
	}
}

func TestWycheproofRSAPKCS1v15(t *testing.T) {
	const file = "rsa_signature_2048_sha256"
	for _, g := range wycheproof.Load[signatureGroup](t, file) {
		if weakExponent(t, g.Public) {
			continue
		}
		checkSignatures(t, file, "rsa-2048", g, keytype.SignOptions{Hash: hashes[g.SHA], PKCS1v15: true})
	}
}

// weakExponent reports whether a key of the vectors is refused for its public
// exponent of 3, and fails the test when it is refused for anything else.
func weakExponent(t *testing.T, spki []byte) bool {
	t.Helper()
	kind, _ := keytype.Lookup("rsa-2048")
	_, err := kind.ParsePublic(spki)
	if err == nil {
		return false
	}
	if !errors.Is(err, keytype.ErrMaterial) || !bytes.HasSuffix(spki, []byte{2, 1, 3}) {
		t.Errorf("public key with an exponent other than 3 refused: %v", err)
	}
	return true
}

// Salts are exactly as long as the caller says: the vectors hold signatures
// whose salt is another one, and these are refused.
func TestWycheproofRSAPSS(t *testing.T) {
	for file, kind := range map[string]string{
		"rsa_pss_2048_sha256_mgf1_0":  "rsa-2048",
		"rsa_pss_2048_sha256_mgf1_32": "rsa-2048",
		"rsa_pss_4096_sha512_mgf1_64": "rsa-4096",
		"rsa_pss_misc":                "rsa-2048",
	} {
		ran := 0
		for _, g := range wycheproof.Load[signatureGroup](t, file) {
			o := keytype.SignOptions{Hash: hashes[g.SHA], Salt: g.SaltSize}
			if g.SaltSize == 0 {
				o.Salt = keytype.SaltNone
			}
			want := error(nil)
			switch {
			case !offered(g.SHA):
				want = keytype.ErrOptions
			case g.MGFSHA != g.SHA:
				want = keytype.ErrVerify // one hash for both, as RFC 8017 recommends
			}
			if want != nil {
				public := parsePublic(t, kind, g.Public)
				for _, c := range g.Tests {
					if err := public.Verify(c.Msg, c.Sig, o); !errors.Is(err, want) {
						t.Errorf("%s, %v with %s and MGF1 over %s: Verify = %v, want %v", file, c.Case, g.SHA, g.MGFSHA, err, want)
					}
				}
				continue
			}
			ran += len(g.Tests)
			checkSignatures(t, file, kind, g, o)
			if g.SaltSize == o.Hash.Size() {
				checkSignatures(t, file, kind, g, keytype.SignOptions{Hash: o.Hash, SaltHash: true})
			}
		}
		if ran == 0 {
			t.Errorf("%s: no vector applies", file)
		}
	}
}

// "Acceptable" are ciphertexts that are small integers, for key sizes that
// are not offered.
func TestWycheproofRSAOAEP(t *testing.T) {
	type group struct {
		Bits    int              `json:"keySize"`
		SHA     string           `json:"sha"`
		MGFSHA  string           `json:"mgfSha"`
		Private wycheproof.Bytes `json:"privateKeyPkcs8"`
		Tests   []struct {
			wycheproof.Case
			Msg, CT, Label wycheproof.Bytes
		}
	}
	kinds := map[int]string{2048: "rsa-2048", 3072: "rsa-3072", 4096: "rsa-4096"}
	files := []string{"rsa_oaep_2048_sha256_mgf1sha256", "rsa_oaep_misc"}
	if testing.Short() {
		files = files[:1] // the other has keys of more bits and other hashes
	}
	for _, file := range files {
		ran := 0
		for _, g := range wycheproof.Load[group](t, file) {
			name, ok := kinds[g.Bits]
			if !ok {
				if kind, _, err := keytype.ImportPKCS8(g.Private); !errors.Is(err, keytype.ErrMaterial) {
					t.Errorf("%s: a key of %d bits is taken as %s: %v", file, g.Bits, kind.Name, err)
				}
				continue
			}
			kind, material, err := keytype.ImportPKCS8(g.Private)
			if err != nil || kind.Name != name {
				t.Errorf("%s: import a key of %d bits: %v", file, g.Bits, err)
				continue
			}
			key := parse[keytype.Decrypter](t, name, material)
			for _, c := range g.Tests {
				got, err := key.DecryptOAEP(hashes[g.SHA], c.CT, c.Label)
				switch {
				case !offered(g.SHA):
					if !errors.Is(err, keytype.ErrOptions) {
						t.Errorf("%s, %v with %s: %v, want %v", file, c.Case, g.SHA, err, keytype.ErrOptions)
					}
				case !c.Valid() || g.MGFSHA != g.SHA:
					if !errors.Is(err, keytype.ErrDecrypt) {
						t.Errorf("%s, %v with MGF1 over %s: %v, want %v", file, c.Case, g.MGFSHA, err, keytype.ErrDecrypt)
					}
				default:
					ran++
					if err != nil || !bytes.Equal(got, c.Msg) {
						t.Errorf("%s, %v: DecryptOAEP = %x, %v", file, c.Case, got, err)
					}
				}
			}
		}
		if ran == 0 {
			t.Errorf("%s: no vector applies", file)
		}
	}
}

// Tags of 128 bits are right as far as they go, and refused nevertheless: a
// verifier that takes short tags lets the sender choose how short.
func TestWycheproofHMAC(t *testing.T) {
	type group struct {
		TagBits int `json:"tagSize"`
		Tests   []struct {
			wycheproof.Case
			Key, Msg, Tag wycheproof.Bytes
		}
	}
	for _, g := range wycheproof.Load[group](t, "hmac_sha256") {
		for _, c := range g.Tests {
			key := parse[keytype.MACer](t, "hmac-sha256", c.Key)
			full := key.MAC(nil, c.Msg)
			if equal := bytes.Equal(full[:g.TagBits/8], c.Tag); equal != c.Valid() {
				t.Errorf("%v: MAC = %x, tag %x", c.Case, full, c.Tag)
			}
			err := key.VerifyMAC(c.Msg, c.Tag)
			if accept := c.Valid() && g.TagBits == 256; accept && err != nil || !accept && !errors.Is(err, keytype.ErrVerify) {
				t.Errorf("%v, %d bits: VerifyMAC = %v", c.Case, g.TagBits, err)
			}
		}
	}
}

// The sealed form is nonce, ciphertext and tag in one piece. Cases with a nonce
// that is not 192 bits long are all invalid, and not even that: their pieces
// are put together differently, and must not open either.
func TestWycheproofXChaCha20Poly1305(t *testing.T) {
	type group struct {
		NonceBits int `json:"ivSize"`
		Tests     []struct {
			wycheproof.Case
			Key, IV, AAD, Msg, CT, Tag wycheproof.Bytes
		}
	}
	for _, g := range wycheproof.Load[group](t, "xchacha20_poly1305") {
		for _, c := range g.Tests {
			key := parse[keytype.AEAD](t, "chacha20-poly1305", c.Key)
			got, err := key.Open(nil, bytes.Join([][]byte{c.IV, c.CT, c.Tag}, nil), c.AAD)
			if c.Valid() != (err == nil) || err == nil && !bytes.Equal(got, c.Msg) {
				t.Errorf("%v, nonce of %d bits: Open = %x, %v", c.Case, g.NonceBits, got, err)
			}
		}
	}
}

// Keys of 256 and 384 bits, whose MAC halves are too short for many users, are
// refused.
func TestWycheproofAESSIV(t *testing.T) {
	ran := 0
	for _, g := range wycheproof.Load[struct {
		KeySize int
		Tests   []struct {
			wycheproof.Case
			Key, AAD, Msg, CT wycheproof.Bytes
		}
	}](t, "aes_siv_cmac") {
		for _, c := range g.Tests {
			if g.KeySize != 512 {
				kind, _ := keytype.Lookup("aes-256-siv")
				if _, err := kind.Parse(c.Key); !errors.Is(err, keytype.ErrMaterial) {
					t.Errorf("a key of %d bits: %v", g.KeySize, err)
				}
				continue
			}
			ran++
			key := parse[keytype.AEAD](t, "aes-256-siv", c.Key)
			opened, err := key.Open(nil, c.CT, c.AAD)
			switch {
			case !c.Valid() && !errors.Is(err, keytype.ErrDecrypt):
				t.Errorf("%v: Open = %v", c.Case, err)
			case c.Valid() && (err != nil || !bytes.Equal(opened, c.Msg)):
				t.Errorf("%v: Open = %x, %v", c.Case, opened, err)
			case c.Valid():
				if sealed, err := key.Seal(nil, c.Msg, c.AAD); err != nil || !bytes.Equal(sealed, c.CT) {
					t.Errorf("%v: Seal = %x, %v", c.Case, sealed, err)
				}
			}
		}
	}
	if ran < 100 {
		t.Errorf("only %d cases", ran)
	}
}

// Material of less than 16 bytes is not wrapped, and of less than 9 not
// unwrapped: RFC 5649 has another form for it, which is one block of AES, and
// no key of ours is so short.
func TestWycheproofAESKWP(t *testing.T) {
	ran := 0
	for _, g := range wycheproof.Load[struct {
		KeySize int
		Tests   []struct {
			wycheproof.Case
			Key, Msg, CT wycheproof.Bytes
		}
	}](t, "aes_kwp") {
		if g.KeySize != 256 {
			continue
		}
		for _, c := range g.Tests {
			ran++
			key := parse[keytype.Unwrapper](t, "aes-256-kwp", c.Key)
			opened, err := key.Unwrap(keytype.WrapDefault, c.CT)
			refused := !c.Valid() || len(c.Msg) < 9
			switch {
			case refused && !errors.Is(err, keytype.ErrDecrypt):
				t.Errorf("%v: Unwrap = %v", c.Case, err)
			case !refused && (err != nil || !bytes.Equal(opened, c.Msg)):
				t.Errorf("%v: Unwrap = %x, %v", c.Case, opened, err)
			case !refused && len(c.Msg) >= 16:
				if wrapped, _, err := key.Wrap(nil, keytype.WrapAESKWP, c.Msg); err != nil || !bytes.Equal(wrapped, c.CT) {
					t.Errorf("%v: Wrap = %x, %v", c.Case, wrapped, err)
				}
			}
		}
	}
	if ran < 80 {
		t.Errorf("only %d cases", ran)
	}
}

func TestWycheproofMLKEM(t *testing.T) {
	kind, _ := keytype.Lookup("ml-kem-768")
	prefix := must(kind.Generate(rand.Reader))
	ran := 0
	for _, g := range wycheproof.Load[struct {
		Tests []struct {
			wycheproof.Case
			Seed, EK, C, K wycheproof.Bytes
		}
	}](t, "mlkem_768") {
		for _, c := range g.Tests {
			ran++
			material := append(bytes.Clone(prefix[:len(prefix)-64]), c.Seed...)
			key, err := kind.Parse(material)
			if len(c.Seed) != 64 {
				if !errors.Is(err, keytype.ErrMaterial) {
					t.Errorf("%v: a seed of %d bytes: %v", c.Case, len(c.Seed), err)
				}
				continue
			}
			if err != nil || len(c.EK) > 0 && !bytes.HasSuffix(key.Public(), c.EK) {
				t.Errorf("%v: another public key (%v)", c.Case, err)
				continue
			}
			shared, err := key.(keytype.Encapsulator).Decapsulate(c.C)
			switch {
			case c.Valid() && (err != nil || !bytes.Equal(shared, c.K)):
				t.Errorf("%v: %x, %v", c.Case, shared, err)
			case !c.Valid() && !errors.Is(err, keytype.ErrDecrypt):
				t.Errorf("%v: Decapsulate = %v", c.Case, err)
			}
		}
	}
	if ran < 190 {
		t.Errorf("only %d cases", ran)
	}
}
