package exchange

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
)

const (
	// DefaultValidity is how long an exchange may take unless told otherwise.
	DefaultValidity = 24 * time.Hour
	// MaxValidity is the longest that it may take.
	MaxValidity = 30 * 24 * time.Hour
	// MaxClockSkew is by how much the clocks of the two sides may differ.
	MaxClockSkew = 5 * time.Minute
	// MaxLifetime is the longest lifetime of a session key that has one.
	MaxLifetime = 100 * 365 * 24 * time.Hour
	// maxTime is the end of the year 9999; it keeps arithmetic on times far from overflow.
	maxTime = 253402300799
)

// Terms are what the two sides agree on besides a key.
type Terms struct {
	// Group is the key agreement type: "x25519", "p256", "p384", "ffdh-2048".
	Group string
	// Purpose says what the session key is for; both sides must name the same.
	Purpose string
	// SessionType is the key type of the result, such as "fernet"; both sides
	// must name the same. The result is always 32 bytes.
	SessionType string
	// Lifetime of the session key, in whole seconds; zero is no limit. The
	// shorter of the two sides' counts.
	Lifetime time.Duration
}

// agreementType finds the key type of a group.
func agreementType(group string) (*keytype.Type, error) {
	t, ok := keytype.Lookup(group)
	if !ok || t.Uses&keytype.UseAgree == 0 {
		return nil, fmt.Errorf("group %.40q: %w", group, ErrGroup)
	}
	return t, nil
}

func (t *Terms) check() error {
	if _, err := agreementType(t.Group); err != nil {
		return err
	}
	if !validText(t.Purpose) {
		return fmt.Errorf("%w: purpose %.80q", ErrOptions, t.Purpose)
	}
	if t.SessionType == "" || !validText(t.SessionType) {
		return fmt.Errorf("%w: session type %.80q", ErrOptions, t.SessionType)
	}
	return checkLifetime(t.Lifetime)
}

func checkLifetime(d time.Duration) error {
	if d < 0 || d%time.Second != 0 || d > MaxLifetime {
		return fmt.Errorf("%w: lifetime %v is not a number of seconds up to %v", ErrOptions, d, MaxLifetime)
	}
	return nil
}

// shorter is the shorter of two lifetimes, of which zero is the longest.
func shorter(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

func u64(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// seconds is the number in a field, which is within maxTime.
func (f *fields) seconds(t tag) int64 { return int64(binary.BigEndian.Uint64(f[t])) }

// time is the time in a field; zero is the zero time.
func (f *fields) time(t tag) time.Time {
	if f.seconds(t) == 0 {
		return time.Time{}
	}
	return time.Unix(f.seconds(t), 0).UTC()
}

func (f *fields) id() [16]byte { return [16]byte(f[tagID]) }

// identity is the sender's, which has yet to be verified.
func (f *fields) identity() Identity { return Identity{Name: string(f[tagName]), SPKI: f[tagSPKI]} }

// terms are those of an offer.
func (f *fields) terms() Terms {
	return Terms{
		Group:       string(f[tagGroup]),
		Purpose:     string(f[tagPurpose]),
		SessionType: string(f[tagSessionType]),
		Lifetime:    time.Duration(f.seconds(tagLifetime)) * time.Second,
	}
}

// checkNow refuses times that a message can't carry.
func checkNow(now time.Time) error {
	if s := now.Unix(); s <= 0 || s > maxTime-int64(MaxValidity/time.Second) {
		return fmt.Errorf("%w: time %v", ErrOptions, now)
	}
	return nil
}

// notFromTheFuture checks when a message was made.
func notFromTheFuture(created, now time.Time) error {
	if created.After(now.Add(MaxClockSkew)) {
		return fmt.Errorf("%w (%v ahead)", ErrNotYetValid, created.Sub(now).Round(time.Second))
	}
	return nil
}
