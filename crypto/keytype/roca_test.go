package keytype

import (
	"crypto/rand"
	"math/big"
	"testing"
)

// rocaPrime is a prime as the library made them: a multiple of the product of
// small primes, and a power of 65537.
func rocaPrime(t testing.TB, bits int) *big.Int {
	t.Helper()
	product := big.NewInt(2)
	for _, p := range rocaPrimes {
		product.Mul(product, big.NewInt(p))
	}
	for {
		a, err := rand.Int(rand.Reader, product)
		if err != nil {
			t.Fatal(err)
		}
		k, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), uint(bits-product.BitLen())))
		if err != nil {
			t.Fatal(err)
		}
		p := new(big.Int).Exp(big.NewInt(rsaExponent), a, product)
		p.Add(p, k.Mul(k, product))
		if p.ProbablyPrime(1) {
			return p
		}
	}
}

func TestROCAIsNoticed(t *testing.T) {
	for range 3 {
		if n := new(big.Int).Mul(rocaPrime(t, 512), rocaPrime(t, 512)); !isROCA(n) {
			t.Errorf("%x is not noticed", n)
		}
	}
	for range 1000 {
		n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 2048))
		if err != nil {
			t.Fatal(err)
		}
		if isROCA(n.SetBit(n, 0, 1)) {
			t.Errorf("%x is taken for one", n)
		}
	}
}
