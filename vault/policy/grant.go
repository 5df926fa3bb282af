package policy

import (
	"encoding/hex"
	"errors"
	"time"
)

// Grant says who may, or may not, do what to which keys, and under which
// conditions. Its JSON is how it is kept and shown; the names of the fields are
// those of a policy file.
type Grant struct {
	ID     string `json:"id"`             // 16 bytes in lower-case hexadecimal
	Name   string `json:"name,omitempty"` // for people
	Effect Effect `json:"effect"`

	Subject

	Verbs  []string `json:"verbs"`            // verbs and sets of them; see [Verbs]
	Keys   []string `json:"keys"`             // patterns owner/name with * and ?; one must match
	Labels []string `json:"labels,omitempty"` // "name" or "name=value"; the key must have all
	Types  []string `json:"types,omitempty"`  // the key must be of one of them

	Conditions

	Source Source `json:"source,omitzero"`
}

// Effect is what a grant does.
type Effect string

// The effects. A deny wins over every allow, and over the rights of an owner
// and of an administrators' group; it never binds root or the daemon's user.
const (
	Allow Effect = "allow"
	Deny  Effect = "deny"
)

// Subject is who a grant is about: all that is given must be so. User, uid,
// group and gid are what the kernel vouches for; the rest only narrows them.
type Subject struct {
	AnyUser  bool     `json:"any_user,omitempty"`
	User     string   `json:"user,omitempty"`
	UID      *uint32  `json:"uid,omitempty"`
	Group    string   `json:"group,omitempty"` // any group of the caller, main or supplementary
	GID      *uint32  `json:"gid,omitempty"`
	Unit     string   `json:"unit,omitempty"`      // systemd unit below system.slice
	UserUnit string   `json:"user_unit,omitempty"` // unit of the user's own systemd
	Exe      string   `json:"exe,omitempty"`       // absolute path
	Label    string   `json:"label,omitempty"`     // security label
	Process  *Process `json:"process,omitempty"`
}

// Process is one living process. A number alone would come back with another,
// and after a reboot so could number and start together.
type Process struct {
	PID     int32  `json:"pid"`
	Started uint64 `json:"started"` // clock ticks since boot
	// Boot is the kernel's id of that boot. Decisions don't ask for it: whoever
	// keeps the grants drops those of another boot before they are in force.
	Boot string `json:"boot,omitempty"`
}

// Conditions are what else must be so.
type Conditions struct {
	// Context lists "name" or "name=value" that the request's context must
	// have. A value of @uid, @user or @unit stands for that of the caller, as
	// @peer does for the names uid, user and unit, and @@ for an @ at the
	// beginning.
	Context   []string  `json:"context,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"`
	NotAfter  time.Time `json:"not_after,omitzero"` // the first moment at which it does not apply
	// Uses and Per allow that many uses in a period, which begins with its
	// first use. TotalUses is how many there can ever be. All callers share
	// them. Zero is without limit.
	Uses      uint32        `json:"uses,omitempty"`
	Per       time.Duration `json:"per,omitempty"`
	TotalUses uint64        `json:"total_uses,omitempty"`
	// FourEyes makes an allow wait for a second administrator, and lets a
	// second administrator lift a deny.
	FourEyes bool `json:"four_eyes,omitempty"`
}

// Source says where a grant comes from.
type Source struct {
	File string    `json:"file,omitempty"`
	Line int       `json:"line,omitempty"`
	By   string    `json:"by,omitempty"` // who added it to the vault
	At   time.Time `json:"at,omitzero"`
}

// IDSize is the size of a grant's id, in bytes.
const IDSize = 16

// FormatID writes an id as grants hold it.
func FormatID(id [IDSize]byte) string { return hex.EncodeToString(id[:]) }

// ParseID reads what FormatID writes.
func ParseID(s string) (id [IDSize]byte, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != IDSize || hex.EncodeToString(b) != s {
		return id, errors.New("an id is 32 of the characters 0-9 a-f")
	}
	copy(id[:], b)
	return id, nil
}

// The states of a grant that is in force: whether it can apply.
const (
	StateActive = "active"
	StateNotYet = "not yet" // before not_before
	StateOver   = "over"    // after not_after
	StateUsedUp = "used up" // as often as it may be used at all
)

// State is the grant's state at a moment, after so many uses of it ever.
func (g *Grant) State(now time.Time, total uint64) string {
	switch {
	case !g.NotAfter.IsZero() && !now.Before(g.NotAfter):
		return StateOver
	case g.TotalUses != 0 && total >= g.TotalUses:
		return StateUsedUp
	case !g.NotBefore.IsZero() && now.Before(g.NotBefore):
		return StateNotYet
	}
	return StateActive
}

// limited reports whether uses of the grant are counted.
func (g *Grant) limited() bool { return g.Uses != 0 || g.TotalUses != 0 }
