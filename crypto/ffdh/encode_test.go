package ffdh

import (
	"bytes"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"strings"
	"testing"
)

// pycaCase is a case of testdata/pyca.json, which testdata/generate.py made.
type pycaCase struct {
	Version, Group   string
	a, b, pubA, pubB []byte
	shared           []byte
	form             Form
}

func pycaCases(t testing.TB) []pycaCase {
	t.Helper()
	data, err := os.ReadFile("testdata/pyca.json")
	if err != nil {
		t.Fatal(err)
	}
	var raw []map[string]string
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	var cases []pycaCase
	for _, r := range raw {
		c := pycaCase{Version: r["version"], Group: r["group"]}
		for field, dst := range map[string]*[]byte{
			"a": &c.a, "b": &c.b, "a_public": &c.pubA, "b_public": &c.pubB, "shared": &c.shared,
		} {
			if *dst, err = hex.DecodeString(r[field]); err != nil || len(*dst) == 0 {
				t.Fatalf("field %s: %v", field, err)
			}
		}
		if strings.HasPrefix(c.Version, "48.") {
			c.form = X942
		}
		cases = append(cases, c)
	}
	return cases
}

func TestKeysAndSecretsOfPyca(t *testing.T) {
	zeros := 0
	for _, c := range pycaCases(t) {
		a, err := ParsePKCS8(c.a)
		if err != nil {
			t.Fatal(err)
		}
		b, form, err := ParseSPKIForm(c.pubB)
		if err != nil {
			t.Fatal(err)
		}
		if a.Group().Name() != c.Group || form != c.form {
			t.Errorf("pyca %s: group %s, form %d; want %s, %d", c.Version, a.Group(), form, c.Group, c.form)
		}
		if !bytes.Equal(a.Public().SPKI(c.form), c.pubA) || !bytes.Equal(b.SPKI(c.form), c.pubB) {
			t.Errorf("pyca %s: public key is written otherwise", c.Version)
		}
		if !bytes.Equal(a.PKCS8(c.form), c.a) {
			t.Errorf("pyca %s: private key is written otherwise", c.Version)
		}
		shared, err := a.Agree(b)
		if err != nil || !bytes.Equal(shared, c.shared) {
			t.Errorf("pyca %s: shared secret differs: %v", c.Version, err)
		}
		if shared[0] == 0 {
			zeros++
		}
	}
	if zeros < 4 {
		t.Errorf("%d cases with a leading zero, want one for each version and group", zeros)
	}
}

func TestRoundTripInBothForms(t *testing.T) {
	for _, g := range groups {
		k := generate(t, g)
		long, err := g.NewPrivateKey(bytes.Repeat([]byte{0x55}, Size))
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []Form{PKCS3, X942} {
			for _, k := range []*PrivateKey{k, long} {
				back, err := ParsePKCS8(k.PKCS8(form))
				if err != nil || !bytes.Equal(back.x, k.x) || !back.Public().Equal(k.Public()) {
					t.Errorf("%s: private key changed: %v", g, err)
				}
				pub, gotForm, err := ParseSPKIForm(k.Public().SPKI(form))
				if err != nil || gotForm != form || !pub.Equal(k.Public()) {
					t.Errorf("%s: public key changed: %v", g, err)
				}
			}
		}
	}
}

type testAlgorithm struct {
	OID    asn1.ObjectIdentifier
	Params any
}

type testSPKI struct {
	Algorithm testAlgorithm
	Value     asn1.BitString
}

type testPKCS8 struct {
	Version   int
	Algorithm testAlgorithm
	Private   []byte
}

type (
	pgParams  struct{ P, G *big.Int }
	pglParams struct {
		P, G *big.Int
		L    int
	}
	pgqParams  struct{ P, G, Q *big.Int }
	pgqjParams struct{ P, G, Q, J *big.Int }
)

func TestParsersRefuse(t *testing.T) {
	g := FFDHE2048()
	p, q, two := g.pInt, new(big.Int).SetBytes(g.q), big.NewInt(2)
	y := generate(t, g).Public()
	yInt := new(big.Int).SetBytes(y.Bytes())
	marshal := func(v any) []byte {
		der, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	spki := func(oid asn1.ObjectIdentifier, params any, value []byte) []byte {
		return marshal(testSPKI{testAlgorithm{oid, params}, asn1.BitString{Bytes: value, BitLength: 8 * len(value)}})
	}
	value := marshal(yInt)
	good := spki(oidPKCS3, pgParams{p, two}, value)
	if _, err := ParseSPKI(good); err != nil {
		t.Fatalf("the case that all others are a change of: %v", err)
	}
	if _, err := ParseSPKI(spki(oidPKCS3, pglParams{p, two, 225}, value)); err != nil {
		t.Errorf("private value length of 225 bits: %v", err)
	}
	other := new(big.Int).Add(p, two)
	for name, c := range map[string]struct {
		der  []byte
		want error
	}{
		"empty":                    {nil, ErrFormat},
		"trailing byte":            {append(bytes.Clone(good), 0), ErrFormat},
		"cut":                      {good[:len(good)-1], ErrFormat},
		"too long":                 {make([]byte, 1<<20), ErrFormat},
		"other algorithm":          {spki(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, pgParams{p, two}, value), ErrFormat},
		"no parameters":            {spki(oidPKCS3, asn1.NullRawValue, value), ErrFormat},
		"other prime":              {spki(oidPKCS3, pgParams{other, two}, value), ErrGroup},
		"negative prime":           {spki(oidPKCS3, pgParams{new(big.Int).Neg(p), two}, value), ErrFormat},
		"huge prime":               {spki(oidPKCS3, pgParams{new(big.Int).Lsh(p, 1024), two}, value), ErrFormat},
		"other generator":          {spki(oidPKCS3, pgParams{p, big.NewInt(4)}, value), ErrGroup},
		"generator p+2":            {spki(oidPKCS3, pgParams{p, other}, value), ErrGroup},
		"short private length":     {spki(oidPKCS3, pglParams{p, two, 100}, value), ErrFormat},
		"long private length":      {spki(oidPKCS3, pglParams{p, two, 5000}, value), ErrFormat},
		"q in PKCS #3":             {spki(oidPKCS3, pgqParams{p, two, q}, value), ErrFormat},
		"X9.42 without q":          {spki(oidX942, pgParams{p, two}, value), ErrFormat},
		"X9.42 with another q":     {spki(oidX942, pgqParams{p, two, new(big.Int).Sub(q, two)}, value), ErrGroup},
		"X9.42 with a cofactor":    {spki(oidX942, pgqjParams{p, two, q, two}, value), ErrFormat},
		"value 1":                  {spki(oidPKCS3, pgParams{p, two}, marshal(1)), ErrPublicKey},
		"value 0":                  {spki(oidPKCS3, pgParams{p, two}, marshal(0)), ErrPublicKey},
		"value negative":           {spki(oidPKCS3, pgParams{p, two}, marshal(-2)), ErrFormat},
		"value p-1":                {spki(oidPKCS3, pgParams{p, two}, marshal(g.pMinus1)), ErrPublicKey},
		"value p+y":                {spki(oidPKCS3, pgParams{p, two}, marshal(new(big.Int).Add(p, big.NewInt(4)))), ErrPublicKey},
		"value with trailing data": {spki(oidPKCS3, pgParams{p, two}, append(bytes.Clone(value), 0)), ErrFormat},
		"value no INTEGER":         {spki(oidPKCS3, pgParams{p, two}, marshal([]byte{4})), ErrFormat},
		"unused bits": {marshal(testSPKI{
			testAlgorithm{oidPKCS3, pgParams{p, two}},
			asn1.BitString{Bytes: append(bytes.Clone(value), 0), BitLength: 8*len(value) + 4},
		}), ErrFormat},
	} {
		if _, err := ParseSPKI(c.der); !errors.Is(err, c.want) {
			t.Errorf("public, %s: got %v, want %v", name, err, c.want)
		}
	}

	private := func(version int, params any, value []byte) []byte {
		return marshal(testPKCS8{version, testAlgorithm{oidPKCS3, params}, value})
	}
	x := marshal(new(big.Int).Lsh(two, 200))
	for name, c := range map[string]struct {
		der  []byte
		want error
	}{
		"good":          {private(0, pgParams{p, two}, x), nil},
		"version 1":     {private(1, pgParams{p, two}, x), ErrFormat},
		"trailing byte": {append(private(0, pgParams{p, two}, x), 0), ErrFormat},
		"other prime":   {private(0, pgParams{other, two}, x), ErrGroup},
		"exponent 2":    {private(0, pgParams{p, two}, marshal(2)), ErrPrivateKey},
		"exponent q":    {private(0, pgParams{p, two}, marshal(q)), ErrPrivateKey},
		"two exponents": {private(0, pgParams{p, two}, append(bytes.Clone(x), x...)), ErrFormat},
	} {
		if _, err := ParsePKCS8(c.der); !errors.Is(err, c.want) {
			t.Errorf("private, %s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestRefusedGroupNamesTheAcceptedOnes(t *testing.T) {
	_, err := ByName("modp1024")
	if !errors.Is(err, ErrGroup) || !strings.Contains(err.Error(), "ffdhe2048") || !strings.Contains(err.Error(), "modp2048") {
		t.Errorf("got %v", err)
	}
	for _, g := range groups {
		if got, err := ByName(g.Name()); err != nil || got != g {
			t.Errorf("%s is not found by its name: %v", g, err)
		}
	}
}

// What parses is written back byte for byte: there is one encoding per key,
// but for a private value length, which is not kept.
func FuzzParseSPKI(f *testing.F) {
	for _, c := range pycaCases(f) {
		f.Add(c.pubA)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		k, form, err := ParseSPKIForm(der)
		if err != nil {
			return
		}
		if again := k.SPKI(form); !bytes.Equal(again, der) && (form != PKCS3 || len(again) >= len(der)) {
			t.Fatalf("%x is written back as %x", der, again)
		}
	})
}

func FuzzParsePKCS8(f *testing.F) {
	for _, c := range pycaCases(f) {
		f.Add(c.a)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		k, err := ParsePKCS8(der)
		if err != nil {
			return
		}
		if !bytes.Equal(k.PKCS8(PKCS3), der) && !bytes.Equal(k.PKCS8(X942), der) && !bytes.Contains(der, k.Group().p) {
			t.Fatalf("%x is no encoding of what it parsed as", der)
		}
	})
}
