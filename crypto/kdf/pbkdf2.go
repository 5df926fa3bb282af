package kdf

import (
	"crypto"
	"crypto/hmac"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"time"
)

// Bounds on the parameters that Derive takes.
const (
	MinIterations = 600_000    // OWASP's figure for PBKDF2-HMAC-SHA-256
	MaxIterations = 10_000_000 // seconds, on a slow machine half a minute
	MinSalt       = 16         // bytes
	MaxSalt       = 1024       // bytes
)

// DerivedSize is the length in bytes of what Derive returns.
const DerivedSize = 32

// maxPBKDF2 bounds the output of PBKDF2, which costs all iterations again for
// every 20 to 64 bytes.
const maxPBKDF2 = 1 << 20

// Params are the stored parameters of a password hash.
type Params struct {
	Salt       []byte
	Iterations int
}

// Check returns ErrWeakParams for a salt shorter than MinSalt or longer than
// MaxSalt, and for fewer than MinIterations or more than MaxIterations.
func (p Params) Check() error {
	if len(p.Salt) < MinSalt || len(p.Salt) > MaxSalt {
		return fmt.Errorf("%w: a salt of %d bytes is not within %d to %d", ErrWeakParams, len(p.Salt), MinSalt, MaxSalt)
	}
	if p.Iterations < MinIterations || p.Iterations > MaxIterations {
		return fmt.Errorf("%w: %d iterations are not within %d to %d", ErrWeakParams, p.Iterations, MinIterations, MaxIterations)
	}
	return nil
}

// Derive returns the 32-byte key for password by PBKDF2-HMAC-SHA-256, which
// the caller wipes. The parameters may come from an untrusted file: they are
// checked first, so that a forged one can neither weaken nor stall anything.
func Derive(password []byte, p Params) ([]byte, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	return PBKDF2(crypto.SHA256, password, p.Salt, p.Iterations, DerivedSize)
}

// PBKDF2 returns size bytes derived by PBKDF2-HMAC (RFC 8018, section 5.2)
// with any positive number of iterations and any salt. It is for formats
// whose parameters somebody else chose and the caller has bounded; Derive is
// for our own. It returns ErrHash, ErrSize for a size outside 1 to 1 MiB, and
// ErrWeakParams for less than one iteration.
func PBKDF2(h crypto.Hash, password, salt []byte, iterations, size int) ([]byte, error) {
	if err := checkHash(h); err != nil {
		return nil, err
	}
	if size < 1 || size > maxPBKDF2 {
		return nil, fmt.Errorf("%w: %d bytes", ErrSize, size)
	}
	if iterations < 1 {
		return nil, fmt.Errorf("%w: %d iterations", ErrWeakParams, iterations)
	}
	prf := hmac.New(h.New, password)
	blocks := (size + h.Size() - 1) / h.Size()
	out := make([]byte, 0, blocks*h.Size())
	u := make([]byte, 0, h.Size())
	defer func() { clear(u[:cap(u)]) }()
	var index [4]byte
	for block := 1; block <= blocks; block++ {
		binary.BigEndian.PutUint32(index[:], uint32(block))
		prf.Reset()
		prf.Write(salt)
		prf.Write(index[:])
		out = prf.Sum(out)
		t := out[len(out)-h.Size():]
		u = append(u[:0], t...)
		for range iterations - 1 {
			prf.Reset()
			prf.Write(u)
			u = prf.Sum(u[:0])
			subtle.XORBytes(t, t, u)
		}
	}
	clear(out[size:])
	return out[:size], nil
}

// calibrationSample is how many iterations one measurement takes, and
// calibrationRuns how many measurements are made.
const (
	calibrationSample = 50_000
	calibrationRuns   = 3
)

// Calibrate measures this machine and returns the number of iterations with
// which Derive takes about target, never less than MinIterations nor more
// than MaxIterations. The fastest of several measurements counts: another
// program in the way must not make the parameters weaker.
func Calibrate(target time.Duration, now func() time.Time) int {
	var salt [MinSalt]byte
	best := time.Duration(-1)
	for range calibrationRuns {
		start := now()
		// The parameters are constant and within range: there is no error.
		_, _ = PBKDF2(crypto.SHA256, []byte("calibration"), salt[:], calibrationSample, DerivedSize)
		if took := now().Sub(start); best < 0 || took < best {
			best = took
		}
	}
	if best <= 0 { // a clock that stands still or runs backwards tells nothing
		return MinIterations
	}
	wanted := float64(target) / float64(best) * calibrationSample
	switch {
	case wanted <= MinIterations:
		return MinIterations
	case wanted >= MaxIterations:
		return MaxIterations
	}
	return int(wanted)
}
