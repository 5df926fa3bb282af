package shares

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/math/polynomial"
	"github.com/cloudflare/circl/secretsharing"
)

// Bounds of a split.
const (
	SecretLen    = 32
	MinThreshold = 2 // one share that opens alone is a password on paper
	MaxShares    = 16
	idLen        = 6
)

var (
	// ErrBounds says that this many shares or so low a threshold are not made.
	ErrBounds = fmt.Errorf("shares are %d to %d, of which %d or more open", MinThreshold, MaxShares, MinThreshold)
	// ErrTooFew says that the shares are fewer than their threshold.
	ErrTooFew = errors.New("fewer shares than it takes")
	// ErrMixed says that the shares are not different shares of one set.
	ErrMixed = errors.New("not different shares of one set")
)

// scalars are those of ristretto255: their arithmetic takes no time that
// depends on their values, and none of it happens in math/big.
var scalars = group.Ristretto255

// ID tells one set of shares from every other.
type ID [idLen]byte

// Share is one share. Who has it wipes it.
type Share struct {
	Set       ID
	Threshold uint8 // shares that it takes
	Index     uint8 // 1 to MaxShares
	value     [SecretLen]byte
}

// Wipe overwrites the share.
func (s *Share) Wipe() { clear(s.value[:]) }

// Split makes a random secret, and n shares of which any k open it. It returns
// ErrBounds for numbers that make no sense. Who calls it wipes secret and shares.
func Split(n, k int) (secret []byte, all []Share, err error) {
	if k < MinThreshold || n < k || n > MaxShares {
		return nil, nil, ErrBounds
	}
	var id ID
	if _, err := rand.Read(id[:]); err != nil {
		return nil, nil, err
	}
	whole := scalars.RandomNonZeroScalar(rand.Reader)
	defer whole.SetUint64(0)
	if secret, err = whole.MarshalBinary(); err != nil {
		return nil, nil, err
	}
	for _, part := range secretsharing.New(rand.Reader, uint(k-1), whole).Share(uint(n)) {
		value, err := part.Value.MarshalBinary()
		if err != nil {
			return nil, nil, err
		}
		part.Value.SetUint64(0)
		s := Share{Set: id, Threshold: uint8(k), Index: uint8(len(all) + 1), value: [SecretLen]byte(value)}
		clear(value)
		all = append(all, s)
	}
	return secret, all, nil
}

// Combine returns the secret that the shares were split from. It returns
// ErrTooFew, or ErrMixed for shares of several sets and for one that is there
// twice. Shares that were altered give some secret, and no error: see [Set.Check].
func Combine(some []Share) ([]byte, error) {
	if len(some) == 0 || len(some) < int(some[0].Threshold) {
		return nil, ErrTooFew
	}
	first, seen := &some[0], [MaxShares + 1]bool{}
	var places []group.Scalar
	for i := range some[:first.Threshold] {
		places = append(places, scalars.NewScalar().SetUint64(uint64(some[i].Index)))
	}
	// What secretsharing.Recover does, without the copies that it leaves in memory.
	whole, part := scalars.NewScalar(), scalars.NewScalar()
	defer whole.SetUint64(0)
	defer part.SetUint64(0)
	for i := range some {
		s := &some[i]
		if !s.possible() || s.Set != first.Set || s.Threshold != first.Threshold || seen[s.Index] {
			return nil, ErrMixed
		}
		seen[s.Index] = true
		if i >= len(places) {
			continue
		}
		if err := part.UnmarshalBinary(s.value[:]); err != nil {
			return nil, ErrMixed
		}
		whole.Add(whole, part.Mul(part, polynomial.LagrangeBase(uint(i), places, scalars.NewScalar())))
	}
	return whole.MarshalBinary()
}

// possible reports whether a share can have this threshold and index.
func (s *Share) possible() bool {
	return s.Threshold >= MinThreshold && s.Threshold <= MaxShares && s.Index >= 1 && s.Index <= MaxShares
}
