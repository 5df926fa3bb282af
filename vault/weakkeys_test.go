package vault_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/vault"
)

// rsaFile is PKCS #1 with these numbers, sound or not.
func rsaFile(t *testing.T, p, q *big.Int, e int64) []byte {
	t.Helper()
	one := big.NewInt(1)
	p1, q1 := new(big.Int).Sub(p, one), new(big.Int).Sub(q, one)
	d := new(big.Int).ModInverse(big.NewInt(e), new(big.Int).Mul(p1, q1))
	if d == nil {
		d = big.NewInt(3) // there is none, as for an even exponent
	}
	inverse := new(big.Int).ModInverse(q, p)
	if inverse == nil {
		inverse = one
	}
	der, err := asn1.Marshal(struct {
		Version             int
		N                   *big.Int
		E                   int64
		D, P, Q, DP, DQ, QI *big.Int
	}{0, new(big.Int).Mul(p, q), e, d, p, q, new(big.Int).Mod(d, p1), new(big.Int).Mod(d, q1), inverse})
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: der})
}

func primeOf(t *testing.T, bits int) *big.Int {
	t.Helper()
	p, err := rand.Prime(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Every key that is too weak says why.
func TestWeakKeysSayWhy(t *testing.T) {
	if testing.Short() {
		t.Skip("looking for primes takes long")
	}
	r := newRig(t)
	p, q := primeOf(t, 1024), primeOf(t, 1024)
	near := new(big.Int).Add(p, big.NewInt(2))
	for !near.ProbablyPrime(5) {
		near.Add(near, big.NewInt(2))
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small, err := x509.MarshalECPrivateKey(p224)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	off, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	off[len(off)-1] ^= 1 // of the point that it encloses
	block := func(label string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der})
	}
	for _, c := range []struct {
		material []byte
		why      string
	}{
		{rsaFile(t, primeOf(t, 512), primeOf(t, 512), 65537), "1024 bits is too weak"},
		{rsaFile(t, primeOf(t, 1280), primeOf(t, 1280), 65537), "2048, 3072 or 4096 bits, not 2560"},
		{rsaFile(t, p, q, 3), "exponent"},
		{rsaFile(t, p, q, 1), "exponent"},
		{rsaFile(t, p, q, 65538), "exponent"},
		{rsaFile(t, p, q, 1<<33+1), ""},
		{rsaFile(t, p, p, 65537), ""},
		{rsaFile(t, p, near, 65537), ""},
		{rsaFile(t, primeOf(t, 1000), primeOf(t, 1048), 65537), "two primes of 1024 bits"},
		{block("EC PRIVATE KEY", small), "P-224 is too weak"},
		{block("EC PRIVATE KEY", off), "not on the curve"},
	} {
		_, err := r.ImportKey(ctx, vault.ImportKey{Name: r.name("alice/weak"), Material: c.material})
		if vaultCode(err) != vault.CodeWeakKey || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%v, want %q", err, c.why)
		} else {
			t.Log(err)
		}
	}
}
