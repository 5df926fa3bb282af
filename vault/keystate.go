package vault

// KeyState is what has become of a key version, after NIST SP 800-57 Part 1
// Rev. 5, section 7. It is decided at use from times and tombstones, never
// stored.
type KeyState uint8

// The states. The numbers are those of the API.
const (
	StatePreActivation      KeyState = 1 // its time has not come
	StateActive             KeyState = 2
	StateSuspended          KeyState = 3 // paused by somebody, who can resume it
	StateDeactivated        KeyState = 4 // its period is over, or a newer version took its place
	StateRevoked            KeyState = 5 // a tombstone says that it must not be used
	StateDestroyed          KeyState = 6 // the material is gone
	StateCompromised        KeyState = 7 // a tombstone says that somebody else has it
	StatePendingDestruction KeyState = 8 // to be destroyed at a time, unless that is cancelled
	StateRetired            KeyState = 9 // deactivated, and opens nothing any more

	numStates = 10
)

// String is the state as users see it.
func (s KeyState) String() string {
	if int(s) < len(states) && states[s].name != "" {
		return states[s].name
	}
	return "unknown"
}

// operation is a class of things done with a key, as far as its state decides.
type operation uint16

const (
	opProtect        operation = 1 << iota // encrypt, sign, MAC, agree: protects new data
	opProcess                              // decrypt, verify: processes data protected before
	opProcessBefore                        // the same, when the caller states that the data is older than the state
	opProcessByAdmin                       // the same, when the caller is an administrator
	opExport                               // hands material out
	opRead                                 // metadata and public keys
	opRotate                               // adds a version
	opUpdate                               // changes the periods
	opSuspend
	opResume
	opSchedule // destruction at a time to come
	opCancel   // that
	opRevoke
	opDestroy

	numOperations = 14
)

// operationNames are the operations as 'vaultctl key states' shows them, by bit.
var operationNames = [numOperations]string{
	"protect", "process", "process_before", "process_by_admin", "export", "read", "rotate", "update",
	"suspend", "resume", "schedule_destruction", "cancel_destruction", "revoke", "destroy",
}

// String is the name of a single operation.
func (op operation) String() string {
	for i, name := range operationNames {
		if op == 1<<i {
			return name
		}
	}
	return "unknown"
}

// stateRule is one row of the table of states.
type stateRule struct {
	name     string
	standard string // the state of SP 800-57 that it is, or is a part of
	section  string // of SP 800-57 Part 1 Rev. 5
	allows   operation
	means    string
}

// states is the one table of what each state allows. What is not in a row is
// refused in that state, whatever else speaks for it. The code decides by it,
// 'vaultctl key states' prints it, and tests compare it with the standard.
var states = [numStates]stateRule{
	StatePreActivation: {
		"pre-activation", "pre-activation", "7.1",
		opRead | opRotate | opUpdate | opSchedule | opRevoke | opDestroy,
		"its not-before time has not come: nothing is done with it",
	},
	StateActive: {
		"active", "active", "7.2",
		opProtect | opProcess | opExport | opRead | opRotate | opUpdate | opSuspend | opSchedule | opRevoke | opDestroy,
		"protects new data and processes what it protected",
	},
	StateSuspended: {
		"suspended", "suspended", "7.3",
		opProcessBefore | opRead | opRotate | opUpdate | opResume | opSchedule | opRevoke | opDestroy,
		"paused: processes only what its user states to be older than the suspension",
	},
	StateDeactivated: {
		"deactivated", "deactivated", "7.4",
		opProcess | opRead | opRotate | opUpdate | opSuspend | opSchedule | opRevoke | opDestroy,
		"expired or replaced: processes what it protected, and protects nothing new; one that is not expired can be exported",
	},
	StateRetired: {
		"retired", "deactivated", "7.4",
		opRead | opRotate | opUpdate | opSchedule | opRevoke | opDestroy,
		"past process-until or below min-decrypt-version: nothing is done with it",
	},
	StateRevoked: {
		"revoked", "deactivated", "7.4",
		opProcessByAdmin | opRead | opSchedule | opRevoke | opDestroy,
		"withdrawn for good: an administrator may process what is stated to be older than the revocation",
	},
	StateCompromised: {
		"compromised", "compromised", "7.5",
		opProcessByAdmin | opRead | opSchedule | opRevoke | opDestroy,
		"known to others: an administrator may process what is stated to be older than the compromise",
	},
	StatePendingDestruction: {
		"pending-destruction", "suspended", "7.3",
		opRead | opCancel | opRevoke | opDestroy,
		"destroyed at a set time unless that is cancelled: nothing is done with it, and attempts are reported",
	},
	StateDestroyed: {
		"destroyed", "destroyed", "7.6",
		opRead | opRevoke,
		"the material is gone; what the key was stays readable",
	},
}

// allows reports whether the state permits op.
func (s KeyState) allows(op operation) bool { return states[s].allows&op != 0 }

// move is one row of the table of transitions: how a version comes from one
// state to another.
type move struct {
	from     []KeyState
	by       operation // 0 when time alone does it
	cause    string
	to       KeyState
	standard string // transition of SP 800-57 Part 1 Rev. 5, or the section; empty where the standard has none
}

var undestroyed = []KeyState{
	StatePreActivation, StateActive, StateSuspended, StateDeactivated, StateRetired, StateRevoked, StateCompromised, StatePendingDestruction,
}

// moves is the one table of transitions. Those that somebody asks for are
// legal exactly where states allows their operation; a test compares the two.
var moves = []move{
	{[]KeyState{StatePreActivation}, 0, "not-before", StateActive, "4"},
	{[]KeyState{StateActive}, 0, "expiry", StateDeactivated, "8 (private signing keys: 5)"},
	{[]KeyState{StateActive}, opRotate, "activation of a newer version", StateDeactivated, "8"},
	{[]KeyState{StateDeactivated}, 0, "process-until", StateRetired, "7.4"},
	{[]KeyState{StatePendingDestruction}, 0, "the time set", StateDestroyed, "9"},

	{[]KeyState{StatePreActivation}, opUpdate, "an earlier not-before", StateActive, "4"},
	{[]KeyState{StateActive}, opUpdate, "an expiry now", StateDeactivated, "8"},
	{[]KeyState{StateDeactivated}, opUpdate, "a later expiry; never for a private signing key", StateActive, ""},
	{[]KeyState{StateDeactivated}, opUpdate, "min-decrypt-version", StateRetired, "7.4"},
	{[]KeyState{StateRetired}, opUpdate, "a later process-until or a lower min-decrypt-version", StateDeactivated, ""},
	{[]KeyState{StateSuspended}, opUpdate, "an expiry, in force when it is resumed", StateSuspended, ""},

	{[]KeyState{StateActive}, opSuspend, "suspend", StateSuspended, "7"},
	{[]KeyState{StateDeactivated}, opSuspend, "suspend", StateSuspended, ""},
	{[]KeyState{StateSuspended}, opResume, "resume", StateActive, "10"},
	{[]KeyState{StateSuspended}, opResume, "resume after its end", StateDeactivated, "12"},

	{[]KeyState{
		StatePreActivation, StateActive, StateSuspended, StateDeactivated, StateRetired, StateRevoked, StateCompromised,
	}, opSchedule, "destroy --after", StatePendingDestruction, ""},
	{[]KeyState{StatePendingDestruction}, opCancel, "cancel-destruction", StateSuspended, ""},

	{undestroyed, opRevoke, "revoke for another reason", StateRevoked, "7.4"},
	{undestroyed, opRevoke, "revoke for a compromise", StateCompromised, "3, 6, 11, 7.4"},
	{[]KeyState{StateDestroyed}, opRevoke, "a tombstone is recorded", StateDestroyed, "7.6"},
	{undestroyed, opDestroy, "destroy, trim", StateDestroyed, "2, 5, 9, 7.4, 7.5"},
}
