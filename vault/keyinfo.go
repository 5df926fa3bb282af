package vault

import (
	"encoding/hex"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// Limits of keys.
const (
	MaxTTL           = 100 * 365 * 24 * time.Hour
	MaxLabels        = 64
	MaxLabelKeyLen   = 63
	MaxLabelValueLen = 255
	MaxVersions      = 2000
	MaxReasonLen     = 1024
	// MaxSuspensionReasonLen bounds the reason of a suspension, of which a key keeps several.
	MaxSuspensionReasonLen = 128
	DefaultType            = "xaes-256-gcm"
)

// KeyID names a key for ever, whatever it is called; ciphertexts carry it.
type KeyID [16]byte

// String is 32 hexadecimal digits.
func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// Origin says how a key's first version came into the vault.
type Origin uint8

// The origins.
const (
	OriginGenerated Origin = 1 + iota
	OriginImported
	OriginExchange
)

// String is the origin as users see it.
func (o Origin) String() string {
	switch o {
	case OriginGenerated:
		return "generated"
	case OriginImported:
		return "imported"
	case OriginExchange:
		return "exchange"
	}
	return "unknown"
}

// KeyInfo is everything about a key but its material.
type KeyInfo struct {
	Name       Name
	ID         KeyID
	Type       string
	Uses       keytype.Use
	State      KeyState // of the current version, or of the whole key where that has one
	Exportable bool
	Labels     map[string]string
	Created    time.Time
	TTL        time.Duration // given to each new version; zero is none
	Versions   []VersionInfo // oldest first
	Version    uint32        // the newest
	Current    uint32        // the one that protects new data: the newest whose time has come
	Origin     Origin

	RequireContext []string // as for CreateKey, sorted
	Tracked        bool     // its ciphertexts are registered

	RotateEvery  time.Duration // its schedule; zero is none
	NextRotation time.Time     // zero without one

	Revoked          time.Time // zero unless revoked
	RevokedBy        string
	RevocationReason string
	ReasonCode       RevocationReason
	Compromised      time.Time // since when others may have the key; zero unless that is the reason

	MinDecryptVersion uint32        // versions below open nothing
	ProcessTTL        time.Duration // how long each new version opens old data, from its activation; zero is for ever
	Suspensions       []Suspension  // of the key as a whole, the newest of them, oldest first
	Destruction       *Destruction  // of the key as a whole, where one is set
	Attempts          uint64        // refused uses while a destruction is set, since the daemon started
	LastAttempt       time.Time
}

// Suspension is one pause of a key or version.
type Suspension struct {
	From, Until time.Time // Until is zero while it lasts
	Through     uint32    // of a key: the newest version that it covers
	By, Reason  string
}

// Destruction is one that is set for a time.
type Destruction struct {
	At, Since  time.Time
	By, Reason string
}

// VersionInfo is one version of a key.
type VersionInfo struct {
	Number      uint32
	State       KeyState // as of now
	Created     time.Time
	Expires     time.Time // zero when never
	Destroyed   time.Time // zero unless destroyed, be it the private half alone
	Fingerprint [32]byte

	NotBefore        time.Time    // zero is its creation
	ProcessUntil     time.Time    // zero is never
	Replaced         time.Time    // when a newer version took its place; zero unless one has
	PrivateDestroyed bool         // a signing key past its end, which still verifies
	Suspensions      []Suspension // of this version by itself
	Destruction      *Destruction // of this version by itself, where one is set
}

// CreateKey asks for a new key with one generated version.
type CreateKey struct {
	Name       Name
	Type       string        // empty is DefaultType
	TTL        time.Duration // zero is the type's default
	NoExpiry   bool          // no expiry, whatever the type's default
	Exportable bool
	Uses       keytype.Use // zero is the type's default
	Labels     map[string]string
	Periods    Periods

	// RotateEvery is after what time the vault adds a version by itself, at least
	// MinRotateEvery; zero is never.
	RotateEvery time.Duration

	// RequireContext lists names that the context of every encryption and
	// decryption must have, at most MaxRequiredContext. "uid=@peer",
	// "user=@peer" and "unit=@peer" want the caller's own value, which is put
	// in where the context has none.
	RequireContext []string
	// Tracked has every ciphertext registered: at most MaxTracked of all keys of
	// the owner. No version that one of them needs can be destroyed.
	Tracked bool
}

// RotateKey asks for a new version of a key.
type RotateKey struct {
	Name     Name
	TTL      time.Duration // of this version and those after it; zero keeps the key's
	NoExpiry bool
	Periods  Periods
}

// ListKeys asks for one page of keys, sorted by owner, then name.
type ListKeys struct {
	Owner            string // empty is every owner
	PageSize         int    // zero is 100; at most 1000
	PageToken        string
	Labels           map[string]string // only keys that have all of these
	IncludeDestroyed bool
	KeySearch
}

// DestroyKey asks for the destruction of key material.
type DestroyKey struct {
	Name    Name
	Version uint32 // zero is all of them
	Now     bool   // rewrite the store at once, so that the old bytes go from it
	Reason  string
	By      string // who asks, for the tombstone

	// After, where set, is how long from now the destruction is; until then it
	// can be cancelled. Admin says that only administrators can do that.
	After time.Duration
	Admin bool
}

// RevokeKey asks for a durable tombstone on a key.
type RevokeKey struct {
	Name   Name
	Reason string
	By     string
	Code   RevocationReason
	// Compromised is since when others may have the key; zero is now. Only for
	// ReasonKeyCompromise.
	Compromised time.Time
}

// PublicKey is the public half of one version.
type PublicKey struct {
	SPKI        []byte // SubjectPublicKeyInfo in DER (RFC 5280)
	Version     uint32
	Fingerprint [32]byte
	Type        string
	Uses        keytype.Use // of the key
}
