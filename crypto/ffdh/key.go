package ffdh

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"io"
	"math/big"
)

const (
	// exponentSize is the length in bytes of the private exponents that
	// GenerateKey makes.
	exponentSize = 32
	// minExponentBits is the shortest private exponent that is read. A random
	// 225-bit exponent is shorter than this with probability 2^-65; a key
	// that is can be found by search.
	minExponentBits = 160
)

// PublicKey is a valid public value of a group.
type PublicKey struct {
	group *Group
	y     [Size]byte
}

// PrivateKey is a private exponent and its public value.
type PrivateKey struct {
	x      []byte // big-endian, padded to exponentSize or Size bytes
	public PublicKey
}

// NewPublicKey validates y, a big-endian number of at most Size bytes, as a
// public value of g. It returns ErrPublicKey unless 2 <= y <= p-2 and y is in
// the subgroup of order q.
func (g *Group) NewPublicKey(y []byte) (*PublicKey, error) {
	if len(y) > Size {
		return nil, fmt.Errorf("%d bytes: %w", len(y), ErrPublicKey)
	}
	n := new(big.Int).SetBytes(y)
	if n.BitLen() < 2 || n.Cmp(g.pMinus1) >= 0 {
		return nil, fmt.Errorf("out of range: %w", ErrPublicKey)
	}
	// With a safe prime, the subgroup of order q is exactly the squares, so
	// that the Jacobi symbol decides it without an exponentiation.
	if big.Jacobi(n, g.pInt) != 1 {
		return nil, fmt.Errorf("not in the prime-order subgroup: %w", ErrPublicKey)
	}
	k := &PublicKey{group: g}
	n.FillBytes(k.y[:])
	return k, nil
}

// GenerateKey makes a private key with a uniform 256-bit exponent
// (SP 800-56A rev. 3, section 5.6.1.1.4: testing candidates).
func (g *Group) GenerateKey(random io.Reader) (*PrivateKey, error) {
	x := make([]byte, exponentSize)
	for {
		if _, err := io.ReadFull(random, x); err != nil {
			clear(x)
			return nil, fmt.Errorf("read randomness: %w", err)
		}
		if exponentBits(x) >= minExponentBits {
			break
		}
	}
	k, err := g.newPrivateKey(x)
	if err != nil {
		clear(x)
	}
	return k, err
}

// NewPrivateKey reads a private exponent, a big-endian number, and computes
// its public value. It returns ErrPrivateKey for an exponent that is shorter
// than 160 bits or not below q. It copies x.
func (g *Group) NewPrivateKey(x []byte) (*PrivateKey, error) {
	if len(x) > Size {
		return nil, fmt.Errorf("%d bytes: %w", len(x), ErrPrivateKey)
	}
	padded := make([]byte, Size)
	copy(padded[Size-len(x):], x)
	if exponentBits(padded) < minExponentBits || !below(padded, g.q) {
		clear(padded)
		return nil, ErrPrivateKey
	}
	// Which of the two lengths an exponent has is not secret: it tells who
	// made the key, not what it is.
	if short := padded[Size-exponentSize:]; exponentBits(padded) <= 8*exponentSize {
		padded = bytes.Clone(short)
		clear(short)
	}
	k, err := g.newPrivateKey(padded)
	if err != nil {
		clear(padded)
	}
	return k, err
}

// newPrivateKey takes ownership of x, which is valid and padded.
func (g *Group) newPrivateKey(x []byte) (*PrivateKey, error) {
	y, err := g.exp([]byte{2}, x)
	if err != nil {
		return nil, err
	}
	k := &PrivateKey{x: x, public: PublicKey{group: g}}
	copy(k.public.y[:], y)
	return k, nil
}

// Group is the group of the key.
func (k *PublicKey) Group() *Group { return k.group }

// Bytes is the public value, big-endian and padded to Size bytes.
func (k *PublicKey) Bytes() []byte { return bytes.Clone(k.y[:]) }

// Equal reports whether both are the same value of the same group.
func (k *PublicKey) Equal(other *PublicKey) bool {
	return k.group == other.group && k.y == other.y
}

// Group is the group of the key.
func (k *PrivateKey) Group() *Group { return k.public.group }

// Public is the public half.
func (k *PrivateKey) Public() *PublicKey { return &k.public }

// Agree computes the secret shared with peer: peer^x mod p, Size bytes, padded
// with zeros on the left. It returns ErrGroup when the keys are of different
// groups, and ErrPublicKey for a key that NewPublicKey did not make.
func (k *PrivateKey) Agree(peer *PublicKey) ([]byte, error) {
	if peer.group == nil {
		return nil, ErrPublicKey
	}
	if peer.group != k.public.group {
		return nil, fmt.Errorf("own key %s, peer's key %s: %w", k.public.group, peer.group, ErrGroup)
	}
	if len(k.x) == 0 {
		return nil, ErrPrivateKey
	}
	secret, err := k.public.group.exp(peer.y[:], k.x)
	if err != nil {
		return nil, err
	}
	// A valid peer value is of prime order q and 0 < x < q, so that the result
	// is never 1; SP 800-56A (5.7.1.1) wants it looked at all the same.
	if degenerate(secret) {
		clear(secret)
		return nil, ErrPublicKey
	}
	return secret, nil
}

// Wipe overwrites the exponent. The key must not be used afterwards.
func (k *PrivateKey) Wipe() {
	clear(k.x)
	k.x = nil
}

// degenerate reports whether a padded value is 0 or 1, in constant time.
func degenerate(v []byte) bool {
	var high byte
	for _, b := range v[:len(v)-1] {
		high |= b
	}
	return subtle.ConstantTimeByteEq(high|v[len(v)-1]&^1, 0) == 1
}

// exponentBits is the length of x without leading zeros, to the byte: a
// multiple of eight. Its time depends on that length only.
func exponentBits(x []byte) int {
	n, seen := 0, 0
	for _, b := range x {
		seen |= 1 - subtle.ConstantTimeByteEq(b, 0)
		n += seen
	}
	return 8 * n
}

// below reports whether a < b, for equal lengths, in constant time.
func below(a, b []byte) bool {
	borrow := 0
	for i := len(a) - 1; i >= 0; i-- {
		borrow = (int(a[i]) - int(b[i]) - borrow) >> 8 & 1
	}
	return borrow == 1
}
