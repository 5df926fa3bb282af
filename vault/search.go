package vault

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// Bounds of a search.
const (
	maxPatternLen = MaxOwnerLen + 1 + MaxKeyNameLen
	maxSearched   = 64 // labels, types or states
)

// KeySearch narrows a listing. A key has to be all that is given.
type KeySearch struct {
	// Name is a pattern: * stands for any characters but a slash, ? for one. With a
	// slash it is of "owner/name", else of the name alone.
	Name      string
	Types     []string // one of these
	States    []KeyState
	HasLabels []string          // with any value
	NotLabels map[string]string // that it has none of; a key without the label has not
	// ExpiringWithin is for keys that are active, and stop protecting within this time.
	ExpiringWithin time.Duration
}

// search is a KeySearch that was checked.
type search struct {
	KeySearch
	not []label
}

func (c KeySearch) check() (s search, err error) {
	if len(c.Name) > maxPatternLen || strings.ContainsAny(c.Name, `[]\`) || strings.Count(c.Name, "/") > 1 {
		return s, E(CodeBadArgument, "%q is no pattern of names: it is a name or owner/name with * and ?", clip(c.Name))
	}
	if len(c.Types) > maxSearched || len(c.States) > maxSearched || len(c.HasLabels) > maxSearched || len(c.NotLabels) > maxSearched {
		return s, E(CodeBadArgument, "a search has at most %d types, states or labels", maxSearched)
	}
	for _, name := range c.Types {
		if _, err := typeNamed(name); err != nil {
			return s, err
		}
	}
	for _, state := range c.States {
		if state == 0 || state >= numStates {
			return s, E(CodeBadArgument, "there is no key state %d", state)
		}
	}
	if c.ExpiringWithin < 0 || c.ExpiringWithin > MaxTTL {
		return s, E(CodeBadArgument, "keys expire within at most 100 years")
	}
	for name, value := range c.NotLabels { // one by one: there may be more than a key has
		l, err := sortLabels(map[string]string{name: value})
		if err != nil {
			return s, err
		}
		s.not = append(s.not, l...)
	}
	s.KeySearch = c
	return s, nil
}

// finds reports whether the key is searched for. The caller holds k.mu.
func (s *search) finds(k *key, now time.Time) bool {
	return s.named(k.name) && s.typed(k.typ) && s.labelled(k.rec) &&
		(len(s.States) == 0 || slices.Contains(s.States, k.stateOfAll(now))) &&
		(s.ExpiringWithin == 0 || k.expiresBy(now, now.Add(s.ExpiringWithin)))
}

func (s *search) named(n Name) bool {
	if s.Name == "" {
		return true
	}
	of := n.key
	if strings.Contains(s.Name, "/") {
		of = n.String()
	}
	ok, _ := path.Match(s.Name, of) // without brackets every pattern is one
	return ok
}

func (s *search) typed(t *keytype.Type) bool {
	return len(s.Types) == 0 || slices.Contains(s.Types, t.Name)
}

func (s *search) labelled(k *keyRecord) bool {
	for _, name := range s.HasLabels {
		if !slices.ContainsFunc(k.labels, func(l label) bool { return l.key == name }) {
			return false
		}
	}
	for _, l := range s.not {
		if slices.Contains(k.labels, l) {
			return false
		}
	}
	return true
}

// expiresBy reports whether the version that protects ends by then.
func (k *key) expiresBy(now, then time.Time) bool {
	n := k.current(now)
	if n == 0 || k.stateOfAll(now) != StateActive {
		return false
	}
	end := k.rec.versions[n-1].notAfter
	return !end.IsZero() && !end.After(then)
}
