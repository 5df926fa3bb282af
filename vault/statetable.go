package vault

import (
	"github.com/vaultd/vaultd/crypto/keytype"
)

// StateRule is one row of the table of states, for users.
type StateRule struct {
	State    KeyState
	Standard string   // the state of SP 800-57 Part 1 Rev. 5 that it is a part of
	Section  string   // of that
	Allows   []string // operations
	Means    string
}

// Transition is one row of the table of transitions, for users.
type Transition struct {
	From      []KeyState
	Operation string // empty where time alone does it
	Cause     string
	To        KeyState
	Standard  string // transition or section of SP 800-57 Part 1 Rev. 5; empty where it has none
}

// TypeRule is what is particular to the life of keys of one type, and what
// SP 800-57 Part 1 Rev. 5 suggests for them.
type TypeRule struct {
	Type string
	Rule string // empty for most
	// Originator and Recipient are the cryptoperiods that table 1 (section
	// 5.3.6) suggests, in words. They are shown, and never forced.
	Originator, Recipient string
	Standard              string // what table 1 calls such a key
}

// States is the table of states, which decides what can be done with a key.
func States() []StateRule {
	var rules []StateRule
	for s := range states {
		if r := &states[s]; r.name != "" {
			rules = append(rules, StateRule{KeyState(s), r.standard, r.section, r.allows.names(), r.means})
		}
	}
	return rules
}

func (op operation) names() []string {
	var names []string
	for i, name := range operationNames {
		if op&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Transitions is the table of transitions.
func Transitions() []Transition {
	var all []Transition
	for _, m := range moves {
		t := Transition{From: m.from, Cause: m.cause, To: m.to, Standard: m.standard}
		if m.by != 0 {
			t.Operation = m.by.String()
		}
		all = append(all, t)
	}
	return all
}

// TypeRules has a row for every key type.
func TypeRules() []TypeRule {
	var rules []TypeRule
	for _, t := range keytype.All() {
		r := TypeRule{Type: t.Name}
		switch {
		case t.Uses&keytype.UseSign != 0:
			r.Standard, r.Originator, r.Recipient = "private signature key", "1 to 3 years", "several years (the public half)"
			r.Rule = "the private half is destroyed when the version expires; the public half is deactivated and still verifies"
			if t.Uses&keytype.UseDecrypt != 0 {
				r.Rule += "; not for a key that may also decrypt"
			}
		case t.Uses&keytype.UseAgree != 0:
			r.Standard, r.Originator, r.Recipient = "private static key-agreement key", "1 to 2 years", "the same"
			r.Rule = "ephemeral keys of an exchange are destroyed when it is finished"
		case t.Uses&keytype.UseMAC != 0:
			r.Standard, r.Originator, r.Recipient = "symmetric authentication key", "up to 2 years", "up to 3 years longer"
		default:
			r.Standard, r.Originator, r.Recipient = "symmetric data-encryption key", "up to 2 years", "up to 3 years longer"
		}
		rules = append(rules, r)
	}
	return rules
}
