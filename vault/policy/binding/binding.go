package binding

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Binding is what is kept of one principal. Its uid identifies it: there is at
// most one binding of a uid.
type Binding struct {
	UID        uint32    `json:"uid"`
	User       string    `json:"user"`
	Machine    string    `json:"machine"`    // machine id
	Generation uint64    `json:"generation"` // 1 at first, one more at each adoption and each new principal of the uid
	State      State     `json:"state"`
	Since      time.Time `json:"since"` // of the state
	Why        string    `json:"why,omitempty"`
	// Former are names that were the uid's before. They stay taken, since the
	// keys under them may still be there.
	Former []string `json:"former,omitempty"`
}

// State is the state of a binding.
type State string

// The states.
const (
	None    State = ""        // there is no binding
	Active  State = "active"  // the principal is what it was
	Changed State = "changed" // quarantined
	Retired State = "retired" // over; the name stays taken
)

// Event is what can happen to a binding.
type Event string

// The events. The first four are observed, the others an administrator's.
const (
	Same   Event = "same"   // the account is the bound one
	Other  Event = "other"  // the account has another name, or is on another machine
	Gone   Event = "gone"   // there is no account
	Clash  Event = "clash"  // the uid is new, but its name is bound to another uid
	Adopt  Event = "adopt"  // the account of now is the principal
	Retire Event = "retire" // the principal is over
)

// transitions is the one table of what follows from what. What is not in it is
// refused.
var transitions = map[State]map[Event]State{
	None:    {Same: Active, Clash: Changed, Gone: None},
	Active:  {Same: Active, Other: Changed, Gone: Changed, Retire: Retired},
	Changed: {Same: Changed, Other: Changed, Gone: Changed, Clash: Changed, Adopt: Active, Retire: Retired},
	// A retired uid with another name is somebody new. With its old name it is
	// not, since it would find the old keys.
	Retired: {Same: Retired, Other: Active, Clash: Changed, Gone: Retired, Adopt: Active, Retire: Retired},
}

// Next is the state that follows, false where the event makes no sense.
func Next(s State, e Event) (State, bool) {
	next, ok := transitions[s][e]
	return next, ok
}

// Account is what the account database says of a uid now. When it did not
// answer, there is nothing to observe: ask again later, and give the caller no
// name meanwhile.
type Account struct {
	UID   uint32
	User  string // empty when there is no account
	Found bool
}

// Stored is what is kept about the uid and about the name of an account.
type Stored struct {
	UID  *Binding  // of the uid, nil for none
	User []Binding // of the name, now or formerly, whatever their uid
}

// Verdict is what an observation says of the principal.
type Verdict string

// The verdicts. Only Fresh and Known may have a namespace or a grant.
const (
	Fresh       Verdict = "fresh"             // new: store the binding before anything is done for it
	Known       Verdict = "known"             // as it was
	Nameless    Verdict = "nameless"          // no account, and never had one
	Quarantined Verdict = "principal_changed" // see Binding.Why
	Over        Verdict = "principal_retired"
)

// Trusted reports whether the principal may be taken for its name.
func (v Verdict) Trusted() bool { return v == Fresh || v == Known }

// Observe judges an account by what is stored. If save is true, the binding
// that it returns must be stored before the verdict is acted on.
func Observe(s Stored, machine string, a Account, now time.Time) (v Verdict, b Binding, save bool) {
	state := None
	if s.UID != nil {
		state, b = s.UID.State, *s.UID
	}
	event, why := s.event(machine, a)
	next, ok := Next(state, event)
	if !ok { // the table has every observed event but these: nothing to go by, so no trust
		next, why = Changed, "its account can't be told"
	}
	fresh := next == Active && event != Same || state == None && next == Active
	switch {
	case fresh:
		b = b.renamed(machine, a, now)
		return Fresh, b, true
	case next == None:
		return Nameless, Binding{UID: a.UID}, false
	case next == Active:
		return Known, b, false
	case next == Retired:
		return Over, b, false
	case state == Changed:
		return Quarantined, b, false
	}
	if state == None || state == Retired {
		generation := b.Generation
		b = b.renamed(machine, a, now)
		b.Generation = generation
	}
	b.State, b.Since, b.Why = Changed, now.Round(0), why
	return Quarantined, b, true
}

// event is what the account is to the binding, and why it is changed if it is.
func (s Stored) event(machine string, a Account) (e Event, why string) {
	if !a.Found || a.User == "" {
		return Gone, "its account is gone"
	}
	if b := s.UID; b != nil && b.State != Retired {
		switch {
		case b.User != a.User:
			return Other, fmt.Sprintf("uid %d was %q and is now %q", a.UID, b.User, a.User)
		case b.Machine != machine:
			return Other, "it was bound on another machine"
		}
		return Same, ""
	}
	if b := s.UID; b != nil && b.holds(a.User) {
		return Same, ""
	}
	for _, b := range s.User {
		if b.UID != a.UID && b.holds(a.User) {
			return Clash, fmt.Sprintf("the name %q belongs to uid %d", a.User, b.UID)
		}
	}
	if s.UID != nil {
		return Other, ""
	}
	return Same, ""
}

// Errors of AdoptAs and RetireAs.
var (
	// ErrNoAccount says that there is no account to adopt.
	ErrNoAccount = errors.New("there is no such account now")
	// ErrState says that the binding's state does not allow it.
	ErrState = errors.New("not in this state")
)

// AdoptAs makes the account of now the principal of its uid. Every binding that
// it returns is to be stored, at once: the adopted one is the first, then those
// of other uids that lose the name to it.
func AdoptAs(s Stored, machine string, a Account, now time.Time) ([]Binding, error) {
	if s.UID == nil {
		return nil, fmt.Errorf("adopt uid %d, which never came: %w", a.UID, ErrState)
	}
	next, ok := Next(s.UID.State, Adopt)
	if !ok {
		return nil, fmt.Errorf("adopt uid %d, which is %s: %w", a.UID, s.UID.State, ErrState)
	}
	if !a.Found || a.User == "" {
		return nil, fmt.Errorf("adopt uid %d: %w", a.UID, ErrNoAccount)
	}
	adopted := s.UID.renamed(machine, a, now)
	adopted.State = next
	all := []Binding{adopted}
	for _, b := range s.User {
		if b.UID == a.UID || !b.holds(a.User) {
			continue
		}
		changed := slices.Contains(b.Former, a.User)
		b.Former = without(b.Former, a.User)
		if b.User == a.User && b.State != Retired {
			b.State, b.Since, b.Why, changed = Retired, now.Round(0), fmt.Sprintf("uid %d was adopted as %q", a.UID, a.User), true
		}
		if changed {
			all = append(all, b)
		}
	}
	return all, nil
}

// RetireAs ends the principal. Its name stays taken: an account that gets it
// later is changed until it is adopted.
func RetireAs(b Binding, why string, now time.Time) (Binding, error) {
	next, ok := Next(b.State, Retire)
	if !ok {
		return Binding{}, fmt.Errorf("retire uid %d: %w", b.UID, ErrState)
	}
	b.State, b.Since, b.Why = next, now.Round(0), why
	return b, nil
}

// renamed is the next binding of the uid, active as the account of now. The name
// that it had stays taken.
func (b Binding) renamed(machine string, a Account, now time.Time) Binding {
	former := without(b.Former, a.User)
	if b.User != "" && b.User != a.User {
		former = append(former, b.User)
	}
	return Binding{
		UID: a.UID, User: a.User, Machine: machine, Generation: b.Generation + 1, State: Active, Since: now.Round(0), Former: former,
	}
}

// holds reports whether the name is the binding's, or was.
func (b Binding) holds(name string) bool { return b.User == name || slices.Contains(b.Former, name) }

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s == name })
}
