package ffdh

import (
	"math/big"
	"testing"
)

// The primes are what their documents say they are:
//
//	RFC 3526, section 3:    2^2048 - 2^1984 - 1 + 2^64 * { [2^1918 pi] + 124476 }
//	RFC 7919, appendix A.1: 2^2048 - 2^1984 + {[2^1918 * e] + 560316 } * 2^64 - 1
func TestPrimesFollowTheirFormulas(t *testing.T) {
	for _, c := range []struct {
		group    *Group
		constant *big.Int
		offset   int64
	}{
		{MODP2048(), scaledPi(1918), 124476},
		{FFDHE2048(), scaledE(1918), 560316},
	} {
		one := big.NewInt(1)
		want := new(big.Int).Lsh(one, 2048)
		want.Sub(want, new(big.Int).Lsh(one, 1984))
		want.Sub(want, one)
		tail := new(big.Int).Add(c.constant, big.NewInt(c.offset))
		want.Add(want, tail.Lsh(tail, 64))
		if c.group.pInt.Cmp(want) != 0 {
			t.Errorf("%s: prime is not that of the formula", c.group)
		}
	}
}

func TestPrimesAreSafeAndTwoGeneratesTheSubgroup(t *testing.T) {
	for _, g := range groups {
		q := new(big.Int).SetBytes(g.q)
		if !g.pInt.ProbablyPrime(8) || !q.ProbablyPrime(8) {
			t.Errorf("%s: p or q is composite", g)
		}
		if twice := new(big.Int).Lsh(q, 1); twice.Cmp(g.pMinus1) != 0 {
			t.Errorf("%s: q is not (p-1)/2", g)
		}
		if r := new(big.Int).Exp(big.NewInt(2), q, g.pInt); r.Cmp(big.NewInt(1)) != 0 {
			t.Errorf("%s: 2 is not of order q", g)
		}
	}
}

const guardBits = 96

// scaledPi is floor(2^bits * pi), by Machin's formula.
func scaledPi(bits uint) *big.Int {
	arctanInverse := func(n int64) *big.Int {
		one := new(big.Int).Lsh(big.NewInt(1), bits+guardBits)
		term := new(big.Int).Quo(one, big.NewInt(n))
		sum := new(big.Int).Set(term)
		for k := int64(3); term.Sign() != 0; k += 2 {
			term.Quo(term, big.NewInt(n*n))
			part := new(big.Int).Quo(term, big.NewInt(k))
			if k%4 == 3 {
				sum.Sub(sum, part)
			} else {
				sum.Add(sum, part)
			}
		}
		return sum
	}
	pi := new(big.Int).Mul(arctanInverse(5), big.NewInt(16))
	pi.Sub(pi, new(big.Int).Mul(arctanInverse(239), big.NewInt(4)))
	return pi.Rsh(pi, guardBits)
}

// scaledE is floor(2^bits * e), by the series of 1/k!.
func scaledE(bits uint) *big.Int {
	term := new(big.Int).Lsh(big.NewInt(1), bits+guardBits)
	sum := new(big.Int).Set(term)
	for k := int64(1); term.Sign() != 0; k++ {
		term.Quo(term, big.NewInt(k))
		sum.Add(sum, term)
	}
	return sum.Rsh(sum, guardBits)
}
