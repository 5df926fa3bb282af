package vault

// KeyState is what has become of a key version, after NIST SP 800-57 Part 1.
// It is decided at use from times and tombstones, never stored.
type KeyState uint8

// The states. The numbers are those of the API.
const (
	StateActive    KeyState = 2
	StateExpired   KeyState = 4 // deactivated by its expiry
	StateRevoked   KeyState = 5 // a tombstone says that it must not be used
	StateDestroyed KeyState = 6 // the material is gone
)

// String is the state as users see it.
func (s KeyState) String() string {
	switch s {
	case StateActive:
		return "active"
	case StateExpired:
		return "expired"
	case StateRevoked:
		return "revoked"
	case StateDestroyed:
		return "destroyed"
	}
	return "unknown"
}

// operation is a class of things done with a key, as far as its state decides.
type operation uint8

const (
	opProtect operation = 1 << iota // encrypt, sign, MAC, agree: protects new data
	opProcess                       // decrypt, verify: processes data protected before
	opExport                        // hands material out
	opRotate                        // adds a version
	opDestroy                       // destroys material
	opRead                          // metadata and public keys
)

// allowed is the one table of what each state allows. An expired key no longer
// protects new data and is no longer handed out, but opens old data; a revoked
// key does nothing; a destroyed one is only remembered.
var allowed = map[KeyState]operation{
	StateActive:    opProtect | opProcess | opExport | opRotate | opDestroy | opRead,
	StateExpired:   opProcess | opRotate | opDestroy | opRead,
	StateRevoked:   opDestroy | opRead,
	StateDestroyed: opRead,
}

// permits reports whether the state allows op, as the error of the state if not.
func (s KeyState) permits(op operation, what string) error {
	if allowed[s]&op != 0 {
		return nil
	}
	switch s {
	case StateExpired:
		return E(CodeExpired, "%s has expired", what).WithHint("rotate it for a new version")
	case StateRevoked:
		return E(CodeRevoked, "%s is revoked", what)
	default:
		return E(CodeKeyDestroyed, "%s is destroyed", what)
	}
}
