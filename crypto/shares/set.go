package shares

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
)

// setVersion begins the encoding of a set.
const setVersion = 1

var (
	// ErrOtherSet says that a share belongs to another set.
	ErrOtherSet = errors.New("a share of another set")
	// ErrAltered says that a share of the set is not as it was made.
	ErrAltered = errors.New("the share is not as it was made")
	// ErrSet says that bytes are not an encoded set.
	ErrSet = errors.New("not a set of shares")
)

// Set is what may be known of shares without knowing one.
type Set struct {
	ID        ID
	Threshold uint8
	digests   [][sha256.Size]byte // in the order of their index
}

// SetOf describes all shares of one split, as Split returns them.
func SetOf(all []Share) Set {
	set := Set{ID: all[0].Set, Threshold: all[0].Threshold}
	for i := range all {
		set.digests = append(set.digests, all[i].digest())
	}
	return set
}

// Shares is how many shares there are.
func (s Set) Shares() int { return len(s.digests) }

// Check returns nil for a share of the set that is exactly as it was made, and
// ErrOtherSet or ErrAltered.
func (s Set) Check(share *Share) error {
	if share.Set != s.ID {
		return ErrOtherSet
	}
	if share.Index < 1 || int(share.Index) > len(s.digests) {
		return ErrAltered
	}
	got := share.digest()
	if subtle.ConstantTimeCompare(got[:], s.digests[share.Index-1][:]) != 1 {
		return ErrAltered
	}
	return nil
}

// Append appends the encoding: version(1) set(6) threshold(1) count(1), and a
// digest of 32 bytes for each share.
func (s Set) Append(b []byte) []byte {
	b = append(b, setVersion)
	b = append(b, s.ID[:]...)
	b = append(b, s.Threshold, uint8(len(s.digests)))
	for _, d := range s.digests {
		b = append(b, d[:]...)
	}
	return b
}

// ParseSet reads what Append wrote, and returns ErrSet for anything else.
func ParseSet(b []byte) (Set, error) {
	const prefix = 1 + idLen + 2
	if len(b) < prefix || b[0] != setVersion {
		return Set{}, ErrSet
	}
	s := Set{ID: ID(b[1:]), Threshold: b[1+idLen]}
	n := int(b[2+idLen])
	if s.Threshold < MinThreshold || n < int(s.Threshold) || n > MaxShares || len(b) != prefix+n*sha256.Size {
		return Set{}, ErrSet
	}
	for b = b[prefix:]; len(b) > 0; b = b[sha256.Size:] {
		s.digests = append(s.digests, [sha256.Size]byte(b))
	}
	return s, nil
}

// digest is what a share can be told by.
func (s *Share) digest() [sha256.Size]byte {
	b := s.payload([]byte(digestLabel))
	defer clear(b)
	return sha256.Sum256(b)
}
