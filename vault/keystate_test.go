package vault

import (
	"slices"
	"testing"
)

// What each state allows, written down a second time. Rows that are a state of
// SP 800-57 Part 1 Rev. 5 follow its section 7; see docs/LIFECYCLE.md.
func TestStateTable(t *testing.T) {
	ends := opRead | opRevoke | opDestroy
	want := map[KeyState]operation{
		// 7.1: neither applied nor used to process.
		StatePreActivation: ends | opRotate | opUpdate | opSchedule,
		// 7.2: protects, processes, or both.
		StateActive: ends | opProtect | opProcess | opExport | opRotate | opUpdate | opSuspend | opSchedule,
		// 7.3: never applied; processes only what was protected before, at its user's risk.
		StateSuspended: ends | opProcessBefore | opRotate | opUpdate | opResume | opSchedule,
		// 7.4: never applied; may process.
		StateDeactivated: ends | opProcess | opRotate | opUpdate | opSuspend | opSchedule,
		StateRetired:     ends | opRotate | opUpdate | opSchedule,
		StateRevoked:     ends | opProcessByAdmin | opSchedule,
		// 7.5: never applied; processes only under highly controlled conditions.
		StateCompromised:        ends | opProcessByAdmin | opSchedule,
		StatePendingDestruction: ends | opCancel,
		// 7.6: gone; a compromise found later is recorded.
		StateDestroyed: opRead | opRevoke,
	}
	for s := range KeyState(numStates) {
		if got := states[s].allows; got != want[s] {
			t.Errorf("%s allows %b, wanted %b", s, got, want[s])
		}
	}
}

// Somebody's transition is in the table of transitions for exactly the states
// that allow its operation, and every transition leads to a state.
func TestTransitionsAreWhatStatesAllow(t *testing.T) {
	legal := make(map[KeyState]operation)
	for _, m := range moves {
		if m.cause == "" || states[m.to].name == "" {
			t.Errorf("%+v", m)
		}
		for _, from := range m.from {
			legal[from] |= m.by
		}
	}
	const asked = opUpdate | opSuspend | opResume | opSchedule | opCancel | opRevoke | opDestroy
	for s := StatePreActivation; s < numStates; s++ {
		if got, want := legal[s]&asked, states[s].allows&asked; got != want {
			t.Errorf("transitions from %s: %b, the table of states allows %b", s, got, want)
		}
	}
	if !slices.ContainsFunc(moves, func(m move) bool { return m.by == 0 }) {
		t.Error("no transition by time")
	}
}
