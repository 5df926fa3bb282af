package keytype

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/vaultd/vaultd/crypto/ffdh"
)

var agreementTypes = []*Type{typeX25519, typeP256, typeP384, typeFFDH2048}

type agreementVectors struct {
	NumberOfTests int
	TestGroups    []struct {
		Tests []struct {
			TcID                            int
			Comment, Public, Private        string
			Shared, Result                  string
			Flags                           []string
			publicKey, privateKey, expected []byte
		}
	}
}

func readAgreementVectors(t *testing.T, name string) *agreementVectors {
	t.Helper()
	data, err := os.ReadFile("testdata/wycheproof/" + name)
	if err != nil {
		t.Fatal(err)
	}
	v := new(agreementVectors)
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, g := range v.TestGroups {
		for i := range g.Tests {
			c := &g.Tests[i]
			for _, f := range []struct {
				dst *[]byte
				hex string
			}{{&c.publicKey, c.Public}, {&c.privateKey, c.Private}, {&c.expected, c.Shared}} {
				if len(f.hex)%2 == 1 {
					f.hex = "0" + f.hex
				}
				if *f.dst, err = hex.DecodeString(f.hex); err != nil {
					t.Fatal(err)
				}
			}
			ran++
		}
	}
	if ran != v.NumberOfTests || ran == 0 {
		t.Fatalf("%d cases read, the file says %d", ran, v.NumberOfTests)
	}
	return v
}

// "acceptable" is decided so: points on the twist and non-canonical public
// keys are accepted, as RFC 7748 asks and as the function is safe with them; a
// shared secret of zero, which low-order points give, is refused.
func TestWycheproofX25519(t *testing.T) {
	for _, g := range readAgreementVectors(t, "x25519_test.json").TestGroups {
		for _, c := range g.Tests {
			k, err := typeX25519.Parse(append(bytes.Clone(x25519PKCS8Prefix), c.privateKey...))
			if err != nil {
				t.Fatal(err)
			}
			secret, err := k.(Agreer).Agree(append(bytes.Clone(x25519SPKIPrefix), c.publicKey...))
			if slices.Contains(c.Flags, "ZeroSharedSecret") {
				if !errors.Is(err, ErrPeerKey) {
					t.Errorf("case %d (%s): zero secret: %v", c.TcID, c.Comment, err)
				}
			} else if err != nil || !bytes.Equal(secret, c.expected) {
				t.Errorf("case %d (%s, %v): %x, %v", c.TcID, c.Comment, c.Flags, secret, err)
			}
		}
	}
}

// "acceptable" is a compressed point: refused, since in SubjectPublicKeyInfo
// we read one encoding of a key only.
func TestWycheproofNISTCurves(t *testing.T) {
	for file, curve := range map[string]*nistCurve{
		"ecdh_secp256r1_ecpoint_test.json": &nistCurves[0],
		"ecdh_secp384r1_ecpoint_test.json": &nistCurves[1],
	} {
		for _, g := range readAgreementVectors(t, file).TestGroups {
			for _, c := range g.Tests {
				checkNIST(t, curve, c.TcID, c.Comment, c.Result, c.privateKey, c.publicKey, c.expected)
			}
		}
	}
}

func checkNIST(t *testing.T, curve *nistCurve, id int, comment, result string, scalar, point, want []byte) {
	t.Helper()
	for len(scalar) > curve.scalar && scalar[0] == 0 {
		scalar = scalar[1:]
	}
	scalar = append(make([]byte, curve.scalar-len(scalar)), scalar...)
	private, err := curve.curve.NewPrivateKey(scalar)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	k, err := curve.kind.Parse(der)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := k.(Agreer).Agree(append(bytes.Clone(curve.spkiPrefix), point...))
	if result == "valid" {
		if err != nil || !bytes.Equal(secret, want) {
			t.Errorf("%s, case %d (%s): %x, %v", curve.kind.Name, id, comment, secret, err)
		}
	} else if !errors.Is(err, ErrPeerKey) {
		t.Errorf("%s, case %d (%s): accepted: %v", curve.kind.Name, id, comment, err)
	}
}

func TestAgreementKeys(t *testing.T) {
	for _, typ := range agreementTypes {
		t.Run(typ.Name, func(t *testing.T) {
			if got, ok := Lookup(typ.Name); !ok || got != typ || !typ.Asymmetric() {
				t.Fatal("type is not registered")
			}
			a, materialA := newAgreer(t, typ)
			b, _ := newAgreer(t, typ)
			ab, err := a.Agree(b.Public())
			if err != nil {
				t.Fatal(err)
			}
			ba, err := b.Agree(a.Public())
			if err != nil || !bytes.Equal(ab, ba) {
				t.Fatalf("secrets differ: %v", err)
			}
			if a.Fingerprint() != sha256.Sum256(a.Public()) || a.Type() != typ {
				t.Error("fingerprint is not that of the public key")
			}
			again, err := typ.Parse(materialA)
			if err != nil || !bytes.Equal(again.Public(), a.Public()) {
				t.Errorf("same material, another key: %v", err)
			}
			a.Public()[0] ^= 1
			if !bytes.Equal(again.Public(), a.Public()) {
				t.Error("a caller can change the key's public half")
			}
			for _, other := range agreementTypes {
				k, material := newAgreer(t, other)
				if other == typ {
					continue
				}
				if _, err := a.Agree(k.Public()); !errors.Is(err, ErrPeerKey) {
					t.Errorf("peer of type %s: %v", other.Name, err)
				}
				if _, err := typ.Parse(material); !errors.Is(err, ErrMaterial) {
					t.Errorf("material of type %s: %v", other.Name, err)
				}
			}
			for _, bad := range [][]byte{nil, append(bytes.Clone(materialA), 0), materialA[:len(materialA)-1]} {
				if _, err := typ.Parse(bad); !errors.Is(err, ErrMaterial) {
					t.Errorf("material of %d bytes: %v", len(bad), err)
				}
			}
			for _, bad := range [][]byte{nil, append(b.Public(), 0), b.Public()[:20]} {
				if _, err := a.Agree(bad); !errors.Is(err, ErrPeerKey) {
					t.Errorf("peer key of %d bytes: %v", len(bad), err)
				}
			}
			if _, err := typ.Generate(bytes.NewReader(make([]byte, 5))); err == nil {
				t.Error("five bytes of randomness made a key")
			}
			a.Wipe()
			if _, err := a.Agree(b.Public()); !errors.Is(err, errWiped) {
				t.Errorf("wiped key: %v", err)
			}
		})
	}
}

func TestP256PrivateKeyVariants(t *testing.T) {
	material, err := typeP256.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// PKCS#8 of the standard library: 30 81 87, then the head (020100 and the
	// algorithm), 04 6d 30 6b, then 020101 0420 scalar, then a14403420004 point.
	const headEnd, innerStart, pointSize = 27, 31, 70
	head, inner := material[3:headEnd], material[innerStart:]
	scalar, point := inner[:len(inner)-pointSize], inner[len(inner)-pointSize:]
	wrap := func(tag byte, b []byte) []byte {
		if len(b) < 128 {
			return append([]byte{tag, byte(len(b))}, b...)
		}
		return append([]byte{tag, 0x81, byte(len(b))}, b...)
	}
	build := func(parts ...[]byte) []byte {
		return wrap(0x30, slices.Concat(head, wrap(4, wrap(0x30, slices.Concat(parts...)))))
	}
	if !bytes.Equal(build(scalar, point), material) {
		t.Fatal("the builder is wrong")
	}
	named := []byte("\xa0\x0a\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")
	p384 := []byte("\xa0\x07\x06\x05\x2b\x81\x04\x00\x22")
	otherPoint := bytes.Clone(point)
	otherKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	otherPublic, err := otherKey.PublicKey.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	copy(otherPoint[5:], otherPublic.Bytes())
	for name, c := range map[string]struct {
		der []byte
		ok  bool
	}{
		"with the public key":        {build(scalar, point), true},
		"scalar only":                {build(scalar), true},
		"with the curve":             {build(scalar, named, point), true},
		"with another curve":         {build(scalar, p384, point), false},
		"with another public key":    {build(scalar, otherPoint), false},
		"trailing data":              {build(scalar, point, []byte{5, 0}), false},
		"zero scalar":                {build(scalar[:5], make([]byte, 32)), false},
		"scalar beyond the order":    {build(scalar[:5], bytes.Repeat([]byte{0xff}, 32)), false},
		"public key before the rest": {build(scalar[:3], point, scalar[3:]), false},
	} {
		if _, err := typeP256.Parse(c.der); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrMaterial) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A key in the X9.42 form is the same key, with the same fingerprint.
func TestFFDHReadsBothFormsAndGroups(t *testing.T) {
	for _, g := range []*ffdh.Group{ffdh.FFDHE2048(), ffdh.MODP2048()} {
		own, err := g.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		peer, err := g.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		first, err := typeFFDH2048.Parse(own.PKCS8(ffdh.PKCS3))
		if err != nil {
			t.Fatal(err)
		}
		second, err := typeFFDH2048.Parse(own.PKCS8(ffdh.X942))
		if err != nil || first.Fingerprint() != second.Fingerprint() {
			t.Fatalf("%s: forms differ: %v", g, err)
		}
		want, err := peer.Agree(own.Public())
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []ffdh.Form{ffdh.PKCS3, ffdh.X942} {
			got, err := first.(Agreer).Agree(peer.Public().SPKI(form))
			if err != nil || !bytes.Equal(got, want) || len(got) != ffdh.Size {
				t.Errorf("%s: %v", g, err)
			}
		}
	}
	k, _ := newAgreer(t, typeFFDH2048)
	other, err := ffdh.MODP2048().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Agree(other.Public().SPKI(ffdh.PKCS3)); !errors.Is(err, ErrPeerKey) {
		t.Errorf("peer of the other group: %v", err)
	}
}

func newAgreer(t testing.TB, typ *Type) (Agreer, []byte) {
	t.Helper()
	material, err := typ.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := typ.Parse(material)
	if err != nil {
		t.Fatal(err)
	}
	return k.(Agreer), material
}

// Whatever parses as private material agrees with itself and has a public key
// that its own type reads.
func FuzzAgreementMaterial(f *testing.F) {
	for i, typ := range agreementTypes {
		_, material := newAgreer(f, typ)
		f.Add(uint8(i), material)
	}
	f.Fuzz(func(t *testing.T, i uint8, material []byte) {
		typ := agreementTypes[int(i)%len(agreementTypes)]
		k, err := typ.Parse(material)
		if err != nil {
			if !errors.Is(err, ErrMaterial) {
				t.Fatalf("%v is not ErrMaterial", err)
			}
			return
		}
		if _, err := k.(Agreer).Agree(k.Public()); err != nil {
			t.Fatalf("own public key: %v", err)
		}
	})
}

func FuzzAgreementPeer(f *testing.F) {
	var keys []Agreer
	for i, typ := range agreementTypes {
		k, _ := newAgreer(f, typ)
		keys = append(keys, k)
		f.Add(uint8(i), k.Public())
	}
	f.Fuzz(func(t *testing.T, i uint8, spki []byte) {
		secret, err := keys[int(i)%len(keys)].Agree(spki)
		if err != nil && !errors.Is(err, ErrPeerKey) {
			t.Fatalf("%v is not ErrPeerKey", err)
		}
		if err == nil && len(secret) < 32 {
			t.Fatalf("secret of %d bytes", len(secret))
		}
	})
}

func BenchmarkAgreement(b *testing.B) {
	for _, typ := range agreementTypes {
		k, material := newAgreer(b, typ)
		peer, _ := newAgreer(b, typ)
		public := peer.Public()
		b.Run(typ.Name+"/agree", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Agree(public); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(typ.Name+"/generate", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := typ.Generate(rand.Reader); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(typ.Name+"/parse", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := typ.Parse(material); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
