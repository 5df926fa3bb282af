package ffdh

import (
	"bytes"
	"crypto/rand"
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestBothSidesAgree(t *testing.T) {
	for _, g := range groups {
		a, b := generate(t, g), generate(t, g)
		ab, err := a.Agree(b.Public())
		if err != nil {
			t.Fatal(err)
		}
		ba, err := b.Agree(a.Public())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(ab, ba) || len(ab) != Size {
			t.Errorf("%s: secrets differ", g)
		}
	}
}

func TestAgreeRefusesTheOtherGroup(t *testing.T) {
	a, b := generate(t, MODP2048()), generate(t, FFDHE2048())
	if _, err := a.Agree(b.Public()); !errors.Is(err, ErrGroup) {
		t.Errorf("got %v, want ErrGroup", err)
	}
	if _, err := a.Agree(&PublicKey{}); !errors.Is(err, ErrPublicKey) {
		t.Errorf("zero key: got %v, want ErrPublicKey", err)
	}
}

func TestPublicValuesOutsideTheSubgroupAreRefused(t *testing.T) {
	for _, g := range groups {
		offset := func(base *big.Int, n int64) []byte { return new(big.Int).Add(base, big.NewInt(n)).Bytes() }
		nonResidue := big.NewInt(2)
		for big.Jacobi(nonResidue, g.pInt) == 1 {
			nonResidue.Add(nonResidue, big.NewInt(1))
		}
		for name, y := range map[string][]byte{
			"empty":           {},
			"0":               {0},
			"1":               {1},
			"p-1":             offset(g.pInt, -1),
			"p":               offset(g.pInt, 0),
			"p+1":             offset(g.pInt, 1),
			"p+2":             offset(g.pInt, 2),
			"p-2":             offset(g.pInt, -2), // -2: p is 3 mod 4, so -1 is no square
			"2^2048-1":        bytes.Repeat([]byte{0xff}, Size),
			"non-residue":     nonResidue.Bytes(),
			"257 bytes":       append([]byte{1}, make([]byte, Size)...),
			"padded too long": append(make([]byte, Size), 4),
		} {
			if _, err := g.NewPublicKey(y); !errors.Is(err, ErrPublicKey) {
				t.Errorf("%s, y = %s: got %v, want ErrPublicKey", g, name, err)
			}
		}
		if _, err := g.NewPublicKey([]byte{4}); err != nil {
			t.Errorf("%s: 4 is a square and was refused: %v", g, err)
		}
	}
}

// The symbol that NewPublicKey computes says the same as y^q = 1.
func TestValidationMatchesThePowerTest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := rapid.SampledFrom(groups).Draw(t, "group")
		y := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 1, Size).Draw(t, "y"))
		inRange := y.Cmp(big.NewInt(1)) > 0 && y.Cmp(g.pMinus1) < 0
		want := inRange && new(big.Int).Exp(y, new(big.Int).SetBytes(g.q), g.pInt).Cmp(big.NewInt(1)) == 0
		_, err := g.NewPublicKey(y.Bytes())
		if (err == nil) != want {
			t.Fatalf("accepted %v, want %v", err == nil, want)
		}
	})
}

func TestExponentiationMatchesBigInt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		g := rapid.SampledFrom(groups).Draw(t, "group")
		x := rapid.SliceOfN(rapid.Byte(), 20, Size-1).Draw(t, "x")
		x[0] |= 1
		k, err := g.NewPrivateKey(x)
		if err != nil {
			t.Fatal(err)
		}
		want := new(big.Int).Exp(big.NewInt(2), new(big.Int).SetBytes(x), g.pInt).FillBytes(make([]byte, Size))
		if !bytes.Equal(k.Public().Bytes(), want) {
			t.Fatal("2^x differs")
		}
	})
}

func TestPrivateExponentBounds(t *testing.T) {
	g := FFDHE2048()
	q := new(big.Int).SetBytes(g.q)
	for name, c := range map[string]struct {
		x  []byte
		ok bool
	}{
		"zero":              {make([]byte, 32), false},
		"empty":             {nil, false},
		"one":               {[]byte{1}, false},
		"152 bits":          {bytes.Repeat([]byte{0xff}, 19), false},
		"160 bits":          {append([]byte{1}, make([]byte, 19)...), true},
		"160 bits, padded":  {append(make([]byte, 12), bytes.Repeat([]byte{1}, 20)...), true},
		"q-1":               {new(big.Int).Sub(q, big.NewInt(1)).Bytes(), true},
		"q":                 {q.Bytes(), false},
		"q+1":               {new(big.Int).Add(q, big.NewInt(1)).Bytes(), false},
		"2^2048-1":          {bytes.Repeat([]byte{0xff}, Size), false},
		"more than a value": {append([]byte{0}, q.Bytes()...), false},
	} {
		_, err := g.NewPrivateKey(c.x)
		if c.ok && err != nil || !c.ok && !errors.Is(err, ErrPrivateKey) {
			t.Errorf("%s: got %v, want accepted %v", name, err, c.ok)
		}
	}
}

func TestGenerateReportsExhaustedRandomness(t *testing.T) {
	if _, err := FFDHE2048().GenerateKey(bytes.NewReader(make([]byte, 31))); err == nil {
		t.Error("31 bytes of randomness made a key")
	}
	// All zeros is no exponent: the next candidate is taken.
	source := append(make([]byte, 32), bytes.Repeat([]byte{7}, 32)...)
	k, err := FFDHE2048().GenerateKey(bytes.NewReader(source))
	if err != nil || !bytes.Equal(k.x, source[32:]) {
		t.Errorf("second candidate not taken: %v", err)
	}
}

func TestWipedKeyDoesNotAgree(t *testing.T) {
	a, b := generate(t, FFDHE2048()), generate(t, FFDHE2048())
	x := a.x
	a.Wipe()
	if !bytes.Equal(x, make([]byte, len(x))) {
		t.Error("exponent is still in memory")
	}
	if _, err := a.Agree(b.Public()); !errors.Is(err, ErrPrivateKey) {
		t.Errorf("got %v, want ErrPrivateKey", err)
	}
}

func TestBelowAndDegenerate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "a")
		b := rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "b")
		if below(a, b) != (bytes.Compare(a, b) < 0) {
			t.Fatal("below is wrong")
		}
		n := new(big.Int).SetBytes(a)
		if degenerate(a) != (n.BitLen() <= 1) {
			t.Fatal("degenerate is wrong")
		}
	})
	if !degenerate([]byte{0, 0}) || !degenerate([]byte{0, 1}) || degenerate([]byte{1, 0}) || degenerate([]byte{0, 2}) {
		t.Error("degenerate is wrong")
	}
}

func generate(t testing.TB, g *Group) *PrivateKey {
	t.Helper()
	k, err := g.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func BenchmarkGenerateKey(b *testing.B) {
	for b.Loop() {
		if _, err := FFDHE2048().GenerateKey(rand.Reader); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAgree(b *testing.B) {
	k, peer := generate(b, FFDHE2048()), generate(b, FFDHE2048())
	for b.Loop() {
		if _, err := k.Agree(peer.Public()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValidatePublicKey(b *testing.B) {
	y := generate(b, FFDHE2048()).Public().Bytes()
	for b.Loop() {
		if _, err := FFDHE2048().NewPublicKey(y); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseSPKI(b *testing.B) {
	der := generate(b, FFDHE2048()).Public().SPKI(PKCS3)
	for b.Loop() {
		if _, err := ParseSPKI(der); err != nil {
			b.Fatal(err)
		}
	}
}
