package binding

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// world is a caller: it stores bindings and has an account database.
type world struct {
	machine  string
	accounts map[uint32]string
	bindings map[uint32]Binding
	now      time.Time
}

func newWorld() *world {
	return &world{"m1", map[uint32]string{}, map[uint32]Binding{}, time.Unix(1_800_000_000, 0)}
}

func (w *world) stored(uid uint32) (Stored, Account) {
	name, found := w.accounts[uid]
	var s Stored
	if b, ok := w.bindings[uid]; ok {
		s.UID = &b
	}
	for _, b := range w.bindings {
		if found && (b.User == name || slices.Contains(b.Former, name)) {
			s.User = append(s.User, b)
		}
	}
	return s, Account{uid, name, found}
}

func (w *world) comes(uid uint32) Verdict {
	w.now = w.now.Add(time.Second)
	s, a := w.stored(uid)
	v, b, save := Observe(s, w.machine, a, w.now)
	if save {
		w.bindings[uid] = b
	}
	return v
}

func (w *world) adopt(uid uint32) error {
	s, a := w.stored(uid)
	all, err := AdoptAs(s, w.machine, a, w.now)
	for _, b := range all {
		w.bindings[b.UID] = b
	}
	return err
}

func (w *world) retire(uid uint32) error {
	b, err := RetireAs(w.bindings[uid], "left", w.now)
	if err == nil {
		w.bindings[uid] = b
	}
	return err
}

func TestStories(t *testing.T) {
	type step struct {
		do   string
		uid  uint32
		name string
		want Verdict
	}
	for name, steps := range map[string][]step{
		"an ordinary user": {
			{"account", 1000, "alice", ""},
			{"comes", 1000, "", Fresh},
			{"comes", 1000, "", Known},
		},
		"removed, and the uid given to another": {
			{"account", 1000, "alice", ""},
			{"comes", 1000, "", Fresh},
			{"account", 1000, "bob", ""},
			{"comes", 1000, "", Quarantined},
			{"comes", 1000, "", Quarantined},
			{"retire", 1000, "", ""},
			{"comes", 1000, "", Fresh}, // bob, as bob
			{"comes", 1000, "", Known},
		},
		"vanished and back": {
			{"account", 1000, "alice", ""},
			{"comes", 1000, "", Fresh},
			{"remove", 1000, "", ""},
			{"comes", 1000, "", Quarantined},
			{"account", 1000, "alice", ""},
			{"comes", 1000, "", Quarantined},
			{"adopt", 1000, "", ""},
			{"comes", 1000, "", Known},
		},
		"renamed and adopted": {
			{"account", 1000, "alice", ""},
			{"comes", 1000, "", Fresh},
			{"account", 1000, "alicia", ""},
			{"comes", 1000, "", Quarantined},
			{"adopt", 1000, "", ""},
			{"comes", 1000, "", Known},
		},
		"renamed, quarantined, renamed back": {
			{"account", 1000, "alice", ""},
			{"comes", 1000, "", Fresh},
			{"account", 1000, "alicia", ""},
			{"comes", 1000, "", Quarantined},
			{"account", 1000, "alice", ""},
			{"comes", 1000, "", Quarantined},
		},
		"a name with a new uid": {
			{"account", 1000, "alice", ""},
			{"comes", 1000, "", Fresh},
			{"remove", 1000, "", ""},
			{"account", 1005, "alice", ""},
			{"comes", 1005, "", Quarantined},
			{"adopt", 1005, "", ""},
			{"comes", 1005, "", Known},
			{"comes", 1000, "", Over},
		},
		"a retired name": {
			{"account", 1000, "alice", ""},
			{"comes", 1000, "", Fresh},
			{"retire", 1000, "", ""},
			{"comes", 1000, "", Over},
			{"remove", 1000, "", ""},
			{"account", 1005, "alice", ""},
			{"comes", 1005, "", Quarantined},
		},
		"a retired uid that takes a bound name": {
			{"account", 1000, "alice", ""},
			{"comes", 1000, "", Fresh},
			{"account", 1001, "bob", ""},
			{"comes", 1001, "", Fresh},
			{"retire", 1000, "", ""},
			{"remove", 1001, "", ""},
			{"account", 1000, "bob", ""},
			{"comes", 1000, "", Quarantined},
		},
		"another machine": {
			{"account", 1000, "alice", ""},
			{"comes", 1000, "", Fresh},
			{"machine", 0, "m2", ""},
			{"comes", 1000, "", Quarantined},
			{"adopt", 1000, "", ""},
			{"comes", 1000, "", Known},
		},
		"never had an account": {
			{"comes", 1000, "", Nameless},
			{"account", 1000, "alice", ""},
			{"comes", 1000, "", Fresh},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			for i, s := range steps {
				var err error
				switch s.do {
				case "account":
					w.accounts[s.uid] = s.name
				case "remove":
					delete(w.accounts, s.uid)
				case "machine":
					w.machine = s.name
				case "adopt":
					err = w.adopt(s.uid)
				case "retire":
					err = w.retire(s.uid)
				case "comes":
					if v := w.comes(s.uid); v != s.want {
						t.Fatalf("step %d: %s, want %s (%+v)", i+1, v, s.want, w.bindings[s.uid])
					}
				}
				if err != nil {
					t.Fatalf("step %d: %v", i+1, err)
				}
			}
		})
	}
}

func TestRefusedTransitions(t *testing.T) {
	w := newWorld()
	w.accounts[1000] = "alice"
	if err := w.adopt(1000); !errors.Is(err, ErrState) {
		t.Errorf("adopt one that never came: %v", err)
	}
	if err := w.retire(1000); !errors.Is(err, ErrState) {
		t.Errorf("retire one that never came: %v", err)
	}
	w.comes(1000)
	if err := w.adopt(1000); !errors.Is(err, ErrState) {
		t.Errorf("adopt one that is active: %v", err)
	}
	delete(w.accounts, 1000)
	w.comes(1000)
	if err := w.adopt(1000); !errors.Is(err, ErrNoAccount) {
		t.Errorf("adopt without an account: %v", err)
	}
}

// Whatever happens to accounts, a name is trusted only with the uid that it was
// first bound to, unless an administrator said otherwise.
func TestNoNameIsInherited(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		owner := map[string]uint32{} // uid that may have the name
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			uid := rapid.Uint32Range(1, 4).Draw(t, "uid")
			switch rapid.IntRange(0, 5).Draw(t, "do") {
			case 0:
				delete(w.accounts, uid)
			case 1:
				w.accounts[uid] = fmt.Sprint("user", rapid.IntRange(1, 3).Draw(t, "name"))
			case 2:
				if w.adopt(uid) == nil {
					owner[w.accounts[uid]] = uid
				}
			case 3:
				_ = w.retire(uid)
			default:
				v := w.comes(uid)
				name, found := w.accounts[uid]
				if !v.Trusted() {
					continue
				}
				if !found {
					t.Fatalf("uid %d is %s without an account", uid, v)
				}
				if first, bound := owner[name]; bound && first != uid {
					t.Fatalf("uid %d is %s as %q, which is uid %d's", uid, v, name, first)
				}
				owner[name] = uid
			}
		}
	})
}
