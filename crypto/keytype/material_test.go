package keytype_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
)

func TestSigningTypesRefuseOtherMaterial(t *testing.T) {
	rsa1024 := pkcs8(t, must(rsa.GenerateKey(rand.Reader, 1024)))
	p224 := pkcs8(t, must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader)))
	for _, name := range signingTypes() {
		kind, _ := keytype.Lookup(name)
		own := signingKey(t, name)
		bad := map[string][]byte{
			"nothing":        nil,
			"raw bytes":      make([]byte, 32),
			"trailing byte":  append(bytes.Clone(own), 0),
			"cut":            own[:len(own)-1],
			"RSA, 1024 bits": rsa1024,
			"P-224":          p224,
			"public key":     must(kind.Parse(own)).Public(),
			"long length":    longLength(own),
			"huge modulus":   hugeModulus(t),
		}
		for _, other := range signingTypes() {
			if other != name {
				bad[other] = signingKey(t, other)
			}
		}
		for what, material := range bad {
			if _, err := kind.Parse(material); !errors.Is(err, keytype.ErrMaterial) {
				t.Errorf("%s: Parse of %s = %v, want %v", name, what, err, keytype.ErrMaterial)
			}
		}
		spki := must(kind.Parse(own)).Public()
		for what, public := range map[string][]byte{
			"nothing": nil, "private key": own, "trailing byte": append(bytes.Clone(spki), 0), "cut": spki[:len(spki)-1],
		} {
			if _, err := kind.ParsePublic(public); !errors.Is(err, keytype.ErrMaterial) {
				t.Errorf("%s: ParsePublic of %s = %v, want %v", name, what, err, keytype.ErrMaterial)
			}
		}
		detected, err := keytype.ParsePublic(spki)
		if err != nil || detected.Type() != kind || detected.Fingerprint() != must(kind.Parse(own)).Fingerprint() || !bytes.Equal(detected.Public(), spki) {
			t.Errorf("%s: ParsePublic does not find the type again: %v", name, err)
		}
	}
	if _, err := keytype.ParsePublic(must(parsed(t, "x25519")).Public()); !errors.Is(err, keytype.ErrMaterial) {
		t.Errorf("an agreement key is taken as one that verifies: %v", err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func parsed(t testing.TB, name string) (keytype.Key, error) {
	kind, _ := keytype.Lookup(name)
	return kind.Parse(generate(t, name))
}

func pkcs8(t testing.TB, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// longLength writes the length of the outermost structure with a leading zero
// byte, which BER allows and DER does not.
func longLength(der []byte) []byte {
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		panic(err)
	}
	n := len(outer.Bytes)
	return append([]byte{0x30, 0x83, byte(n >> 16), byte(n >> 8), byte(n)}, outer.Bytes...)
}

// hugeModulus is an RSA key of a megabyte, whose checks would take minutes.
func hugeModulus(t testing.TB) []byte {
	n := new(big.Int).Lsh(big.NewInt(1), 8<<20)
	n.Sub(n, big.NewInt(1))
	return rsaDER(t, n, 65537, n, big.NewInt(3), big.NewInt(5))
}

func TestRSAKeysThatAreNotSound(t *testing.T) {
	kind, _ := keytype.Lookup("rsa-2048")
	sound := must(x509.ParsePKCS8PrivateKey(signingKey(t, "rsa-2048"))).(*rsa.PrivateKey)
	p, q := sound.Primes[0], sound.Primes[1]
	next := new(big.Int).Add(p, big.NewInt(2))
	for !next.ProbablyPrime(0) {
		next.Add(next, big.NewInt(2))
	}
	composite := new(big.Int)
	for composite.BitLen() != 1024 || composite.Bit(1022) == 0 {
		composite.Mul(prime(t, 512), prime(t, 512))
	}

	for name, c := range map[string]struct {
		material        []byte
		parses, imports bool
	}{
		"sound":                  {rsaFromPrimes(t, p, q, 65537), true, true},
		"larger exponent":        {rsaFromPrimes(t, p, q, 65539), true, true},
		"small exponent":         {rsaFromPrimes(t, p, q, 3), false, false},
		"wrong modulus":          {rsaDER(t, new(big.Int).Add(sound.N, big.NewInt(2)), 65537, sound.D, p, q), false, false},
		"wrong private exponent": {rsaDER(t, sound.N, 65537, new(big.Int).Add(sound.D, big.NewInt(2)), p, q), false, false},
		"factors apart in size":  {rsaFromPrimes(t, prime(t, 1000), prime(t, 1048), 65537), false, false},
		"factors close together": {rsaFromPrimes(t, next, p, 65537), false, false},
		"one factor twice":       {rsaFromPrimes(t, p, p, 65537), false, false},
		"composite factor":       {rsaFromPrimes(t, composite, q, 65537), true, false},
	} {
		if _, err := kind.Parse(c.material); c.parses != (err == nil) || err != nil && !errors.Is(err, keytype.ErrMaterial) {
			t.Errorf("%s: Parse = %v", name, err)
		}
		if _, err := kind.Import(c.material); c.imports != (err == nil) || err != nil && !errors.Is(err, keytype.ErrMaterial) {
			t.Errorf("%s: Import = %v", name, err)
		}
	}
}

// prime returns a prime with the two highest bits set, so that a product of
// two is as long as both together.
func prime(t testing.TB, bits int) *big.Int {
	t.Helper()
	return must(rand.Prime(rand.Reader, bits))
}

// rsaFromPrimes makes a key with the smallest exponent from e on that has an inverse.
func rsaFromPrimes(t testing.TB, p, q *big.Int, e int) []byte {
	t.Helper()
	one := big.NewInt(1)
	totient := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	for ; ; e += 2 {
		if d := new(big.Int).ModInverse(big.NewInt(int64(e)), totient); d != nil {
			return rsaDER(t, new(big.Int).Mul(p, q), e, d, p, q)
		}
	}
}

func rsaDER(t testing.TB, n *big.Int, e int, d, p, q *big.Int) []byte {
	t.Helper()
	mod := func(p *big.Int) *big.Int { return new(big.Int).Mod(d, new(big.Int).Sub(p, big.NewInt(1))) }
	dp, dq := mod(p), mod(q)
	inverse := new(big.Int).ModInverse(q, p)
	if inverse == nil { // p and q are the same
		inverse = big.NewInt(1)
	}
	inner, err := asn1.Marshal(struct {
		Version int
		N       *big.Int
		E       int
		D, P, Q *big.Int
		DP, DQ  *big.Int
		QInv    *big.Int
	}{0, n, e, d, p, q, dp, dq, inverse})
	if err != nil {
		t.Fatal(err)
	}
	type algorithm struct {
		OID  asn1.ObjectIdentifier
		Null asn1.RawValue
	}
	der, err := asn1.Marshal(struct {
		Version   int
		Algorithm algorithm
		Key       []byte
	}{0, algorithm{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, asn1.NullRawValue}, inner})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// What other programs write: attributes, the public key beside the private one,
// the curve named twice. All of it becomes the one encoding that Parse takes.
func TestImportMakesMaterialCanonical(t *testing.T) {
	for _, name := range append(signingTypes(), "x25519", "p256", "ffdh-2048") {
		kind, _ := keytype.Lookup(name)
		canonical := materialOf(t, kind)
		for what, foreign := range map[string][]byte{
			"canonical":       canonical,
			"with attributes": withAttributes(t, canonical),
		} {
			if name == "ffdh-2048" && what != "canonical" {
				continue // the standard library does not read these; their own parser decides
			}
			imported, err := kind.Import(foreign)
			if err != nil || !bytes.Equal(imported, canonical) {
				t.Errorf("%s, %s: Import = %x, %v, want %x", name, what, imported, err, canonical)
			}
		}
		for what, bad := range map[string][]byte{
			"nothing": nil, "trailing byte": append(bytes.Clone(canonical), 0), "cut": canonical[:len(canonical)-1],
		} {
			if _, err := kind.Import(bad); !errors.Is(err, keytype.ErrMaterial) {
				t.Errorf("%s, %s: Import = %v, want %v", name, what, err, keytype.ErrMaterial)
			}
		}
		found, material, err := keytype.ImportPKCS8(canonical)
		if name == "p256" {
			name = "ecdsa-p256" // the bytes don't tell; signing keys come first
		}
		if err != nil || found.Name != name || !bytes.Equal(material, canonical) {
			t.Errorf("%s: ImportPKCS8 = %v, %v", name, found, err)
		}
	}
	raw := bytes.Repeat([]byte{9}, 32)
	for _, name := range append(aeadTypes(), "fernet", "hmac-sha256") {
		kind, _ := keytype.Lookup(name)
		if got, err := kind.Import(raw); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%s: Import = %x, %v", name, got, err)
		}
		if _, err := kind.Import(raw[:5]); !errors.Is(err, keytype.ErrMaterial) {
			t.Errorf("%s: Import of 5 bytes = %v", name, err)
		}
	}
	if _, _, err := keytype.ImportPKCS8(raw); !errors.Is(err, keytype.ErrMaterial) {
		t.Errorf("ImportPKCS8 of raw bytes = %v", err)
	}
}

// withAttributes adds an empty set of attributes (RFC 5958) to a private key.
func withAttributes(t testing.TB, der []byte) []byte {
	t.Helper()
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		t.Fatal(err)
	}
	outer.FullBytes = nil
	outer.Bytes = append(outer.Bytes, 0xa0, 0)
	return must(asn1.Marshal(outer))
}

func TestWipedKeysRefuse(t *testing.T) {
	for _, kind := range keytype.All() {
		key, err := kind.Parse(materialOf(t, kind))
		if err != nil {
			t.Fatal(err)
		}
		key.Wipe()
		var failed error
		switch k := key.(type) {
		case keytype.AEAD:
			_, sealing := k.Seal(nil, nil, nil)
			_, failed = k.Open(nil, make([]byte, 64), nil)
			if sealing == nil {
				t.Errorf("%s: sealed", kind.Name)
			}
		case keytype.TokenSealer:
			_, sealing := k.SealToken(time.Unix(1, 0), nil)
			_, failed = k.OpenToken(time.Unix(1, 0), 0, nil)
			if sealing == nil {
				t.Errorf("%s: sealed", kind.Name)
			}
		case keytype.Signer:
			_, failed = k.Sign(rand.Reader, nil, keytype.SignOptions{})
		case keytype.MACer:
			if tag := k.MAC(nil, nil); tag != nil {
				t.Errorf("%s: MAC = %x", kind.Name, tag)
			}
			failed = k.VerifyMAC(nil, nil)
		case keytype.Agreer:
			_, failed = k.Agree(nil)
		case keytype.Deriver:
			_, failed = k.Derive(nil, nil, 32)
		case keytype.Encapsulator:
			_, _, sealing := k.Encapsulate()
			_, failed = k.Decapsulate(make([]byte, 1088))
			if sealing == nil {
				t.Errorf("%s: encapsulated", kind.Name)
			}
		case keytype.Unwrapper:
			_, failed = k.Unwrap(keytype.WrapDefault, make([]byte, 40))
		default:
			t.Errorf("%s: %T does nothing", kind.Name, key)
			continue
		}
		if failed == nil {
			t.Errorf("%s: works after Wipe", kind.Name)
		}
		if errors.Is(failed, keytype.ErrDecrypt) {
			t.Errorf("%s: tries after Wipe", kind.Name)
		}
		if d, ok := key.(keytype.Decrypter); ok {
			if _, err := d.DecryptOAEP(0, make([]byte, 256), nil); err == nil || errors.Is(err, keytype.ErrDecrypt) {
				t.Errorf("%s: decrypts after Wipe: %v", kind.Name, err)
			}
		}
	}
}
