package audit

import "time"

// Outcome is how a request ended.
type Outcome string

// The outcomes.
const (
	Begun   Outcome = "begun"   // about to be performed; another record says how it ended
	Allowed Outcome = "allowed" // performed
	Denied  Outcome = "denied"  // refused by policy
	Failed  Outcome = "error"   // permitted, but not performed
)

// Record is one line of the log. Empty strings, an empty key and an empty
// Extra are left out of the line. Values longer than their field allows are
// cut, and end in "…[+N]" where N bytes are missing; so a line never exceeds
// MaxLine and never fails.
type Record struct {
	Seq       int64     // position in the log, from 0; set by the log
	Time      time.Time // zero: the log takes the time itself
	Request   string    // request id, to pair records with a caller's own log
	Principal Principal
	Action    string
	Key       Key
	Owner     string
	Outcome   Outcome
	Code      string // error code, empty when performed
	Rule      string // what decided
	Form      string // wire form
	Duration  time.Duration
	Extra     []Field // at most maxExtra; names are unique, the first one wins
}

// Principal is who asked, as far as the kernel told.
type Principal struct {
	UID  uint32
	User string
	GID  uint32
	PID  int32
	Exe  string
	Unit string
}

// Key is what was touched. Name has no owner in it; Version 0 means none.
type Key struct {
	Name        string
	Version     uint32
	Fingerprint string
}

// Field is a named value for what few records have, such as the generation of
// a policy.
type Field struct{ Name, Value string }

// MaxLine bounds a line in bytes, its newline included.
const MaxLine = 8 << 10

// Limits of values in bytes, as written, which keep a line below MaxLine.
const (
	maxRequest     = 64
	maxUser        = 128
	maxExe         = 768
	maxUnit        = 256
	maxAction      = 64
	maxKeyName     = 512
	maxFingerprint = 128
	maxOwner       = 256
	maxOutcome     = 32
	maxCode        = 64
	maxRule        = 256
	maxForm        = 32
	maxExtra       = 16
	maxExtraName   = 32
	maxExtraValue  = 256
)
