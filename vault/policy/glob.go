package policy

import (
	"errors"
	"fmt"
	"strings"
)

// Longest patterns: those of the names they match.
const (
	maxOwner = 64
	maxKey   = 128
)

// pattern is a pattern of key names, "owner/name". In each of its two segments
// * stands for any characters, none included, and ? for one.
type pattern struct{ owner, key segment }

func parsePattern(s string) (pattern, error) {
	owner, key, ok := strings.Cut(s, "/")
	if !ok {
		return pattern{}, fmt.Errorf("%q has no slash; write owner/name, for example %q", clip(s), "alice/*")
	}
	o, err := parseSegment(owner, maxOwner)
	if err != nil {
		return pattern{}, fmt.Errorf("owner of %q: %w", clip(s), err)
	}
	k, err := parseSegment(key, maxKey)
	if err != nil {
		return pattern{}, fmt.Errorf("name of %q: %w", clip(s), err)
	}
	return pattern{o, k}, nil
}

// covers reports whether the pattern is about the resource. What is about a
// namespace as a whole, such as a list of its keys, is covered only by a
// pattern for all of its keys; and the vault as a whole only by one for all keys.
func (p pattern) covers(r Resource) bool {
	if r.Key == "" && p.key.kind != anything {
		return false
	}
	if r.Owner == "" {
		return p.owner.kind == anything
	}
	return p.owner.match(r.Owner) && (r.Key == "" || p.key.match(r.Key))
}

// segment is one side of the slash.
type segment struct {
	kind segmentKind
	text string
}

type segmentKind uint8

const (
	exact segmentKind = iota
	anything
	wild
)

func parseSegment(s string, longest int) (segment, error) {
	if s == "" {
		return segment{}, errors.New("empty; write * for all")
	}
	if len(s) > longest {
		return segment{}, fmt.Errorf("longer than %d characters", longest)
	}
	kind := exact
	for i := range len(s) {
		switch c := s[i]; {
		case c == '*' || c == '?':
			kind = wild
		case !nameByte(c):
			return segment{}, fmt.Errorf("%q is in no name; a pattern has A-Z a-z 0-9 . _ - and the wild cards * and ?", c)
		}
	}
	if strings.Trim(s, "*") == "" {
		return segment{kind: anything, text: "*"}, nil
	}
	return segment{kind, s}, nil
}

func (s segment) match(name string) bool {
	switch s.kind {
	case exact:
		return s.text == name
	case anything:
		return true
	}
	return glob(s.text, name)
}

// glob matches in at most len(pattern)·len(name) steps: on a mismatch only the
// last star is tried again, since an earlier one could take no more than it did.
func glob(pattern, name string) bool {
	p, n := 0, 0
	star, resume := -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, n
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == name[n]):
			p++
			n++
		case star >= 0:
			resume++
			p, n = star+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
}

// clip keeps a hostile text from filling a message.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
