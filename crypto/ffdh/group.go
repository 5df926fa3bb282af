package ffdh

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/big"

	"filippo.io/bigmod"
)

// Size is the length in bytes of the modulus, of a public value and of a
// shared secret in both groups.
const Size = 256

// Group is one of the two accepted groups: integers modulo a safe prime p,
// with generator 2, which generates the subgroup of prime order q = (p-1)/2.
type Group struct {
	name    string
	p       []byte // big-endian, Size bytes
	q       []byte // big-endian, Size bytes
	pInt    *big.Int
	pMinus1 *big.Int
	modulus *bigmod.Modulus
}

// The groups' primes. A test computes both from their published formulas.
const (
	modp2048Hex = "" +
		"ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74" +
		"020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437" +
		"4fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7ed" +
		"ee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf05" +
		"98da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb" +
		"9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3b" +
		"e39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf695581718" +
		"3995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff"

	ffdhe2048Hex = "" +
		"ffffffffffffffffadf85458a2bb4a9aafdc5620273d3cf1d8b9c583ce2d3695" +
		"a9e13641146433fbcc939dce249b3ef97d2fe363630c75d8f681b202aec4617a" +
		"d3df1ed5d5fd65612433f51f5f066ed0856365553ded1af3b557135e7f57c935" +
		"984f0c70e0e68b77e2a689daf3efe8721df158a136ade73530acca4f483a797a" +
		"bc0ab182b324fb61d108a94bb2c8e3fbb96adab760d7f4681d4f42a3de394df4" +
		"ae56ede76372bb190b07a7c8ee0a6d709e02fce1cdf7e2ecc03404cd28342f61" +
		"9172fe9ce98583ff8e4f1232eef28183c3fe3b1b4c6fad733bb5fcbc2ec22005" +
		"c58ef1837d1683b2c6f34a26c1b2effa886b423861285c97ffffffffffffffff"
)

var (
	modp2048  = newGroup("modp2048", modp2048Hex)
	ffdhe2048 = newGroup("ffdhe2048", ffdhe2048Hex)

	groups = []*Group{ffdhe2048, modp2048}
)

// MODP2048 is group 14 of RFC 3526, section 3.
func MODP2048() *Group { return modp2048 }

// FFDHE2048 is the group of that name of RFC 7919, appendix A.1.
func FFDHE2048() *Group { return ffdhe2048 }

// ByName returns the group called "ffdhe2048" or "modp2048", or ErrGroup.
func ByName(name string) (*Group, error) {
	for _, g := range groups {
		if g.name == name {
			return g, nil
		}
	}
	return nil, fmt.Errorf("group %.40q: %w", name, ErrGroup)
}

func newGroup(name, primeHex string) *Group {
	p, err := hex.DecodeString(primeHex)
	if err != nil || len(p) != Size {
		panic("ffdh: constant of group " + name + " is damaged")
	}
	modulus, err := bigmod.NewModulus(p)
	if err != nil {
		panic("ffdh: constant of group " + name + " is no modulus")
	}
	pInt := new(big.Int).SetBytes(p)
	return &Group{
		name:    name,
		p:       p,
		q:       new(big.Int).Rsh(pInt, 1).FillBytes(make([]byte, Size)),
		pInt:    pInt,
		pMinus1: new(big.Int).Sub(pInt, big.NewInt(1)),
		modulus: modulus,
	}
}

// Name is "ffdhe2048" or "modp2048".
func (g *Group) Name() string { return g.name }

// String is Name.
func (g *Group) String() string { return g.name }

// byPrime finds the group of a modulus without leading zeros.
func byPrime(p []byte) (*Group, error) {
	for _, g := range groups {
		if bytes.Equal(g.p, p) {
			return g, nil
		}
	}
	return nil, ErrGroup
}

// exp is base^exponent mod p in Size bytes, in time that depends on the length
// of exponent only. The base must be below p.
func (g *Group) exp(base, exponent []byte) ([]byte, error) {
	b, err := bigmod.NewNat().SetBytes(base, g.modulus)
	if err != nil {
		return nil, ErrPublicKey
	}
	r := bigmod.NewNat().Exp(b, exponent, g.modulus)
	out := r.Bytes(g.modulus)
	clear(r.Bits())
	return out, nil
}
