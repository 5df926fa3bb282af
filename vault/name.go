package vault

import "strings"

// Limits of names. An owner is as a rule an OS user, so its rule is that of
// useradd(8) with upper case allowed.
const (
	MaxOwnerLen   = 64
	MaxKeyNameLen = 128
)

// Name is the address of a key, "owner/name". A Name other than the zero one
// is always valid, because only ParseName and MakeName make one.
type Name struct{ owner, key string }

// ParseName reads "owner/name". The error is bad_argument and says the rule.
func ParseName(s string) (Name, error) {
	owner, key, ok := strings.Cut(s, "/")
	if !ok {
		return Name{}, E(CodeBadArgument, "a key is named owner/name, not %q", clip(s))
	}
	return MakeName(owner, key)
}

// MakeName joins an owner and a key name, checking both.
func MakeName(owner, key string) (Name, error) {
	if _, err := ParseOwner(owner); err != nil {
		return Name{}, err
	}
	if !validKeyName(key) {
		return Name{}, E(CodeBadArgument, "%q is no key name: it has 1 to %d of the characters A-Z a-z 0-9 . _ - and starts with none of . and -",
			clip(key), MaxKeyNameLen)
	}
	return Name{owner, key}, nil
}

// ParseOwner checks the name of an owner. The error is bad_argument and says the rule.
func ParseOwner(s string) (string, error) {
	if !validOwner(s) {
		return "", E(CodeBadArgument, "%q is no owner name: it has 1 to %d of the characters A-Z a-z 0-9 . _ - and starts with a letter or _",
			clip(s), MaxOwnerLen)
	}
	return s, nil
}

// Owner is the namespace.
func (n Name) Owner() string { return n.owner }

// Key is the name within the namespace.
func (n Name) Key() string { return n.key }

// String is "owner/name", and "" for the zero Name.
func (n Name) String() string {
	if n.IsZero() {
		return ""
	}
	return n.owner + "/" + n.key
}

// IsZero reports whether the name is the zero one, which names no key.
func (n Name) IsZero() bool { return n == Name{} }

func validOwner(s string) bool {
	return len(s) >= 1 && len(s) <= MaxOwnerLen && (isLetter(s[0]) || s[0] == '_') && allNameBytes(s)
}

func validKeyName(s string) bool {
	return len(s) >= 1 && len(s) <= MaxKeyNameLen && s[0] != '.' && s[0] != '-' && allNameBytes(s)
}

func allNameBytes(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !isLetter(c) && (c < '0' || c > '9') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// clip keeps a hostile name from filling a message.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
