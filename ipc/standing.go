package ipc

import "github.com/vaultd/vaultd/vault/policy/binding"

// standing is what is known of the principal of a uid.
type standing struct {
	verdict  binding.Verdict // empty when nobody has judged, or nobody needs to; fresh until the next look
	user     string          // of the account now; empty for none, and when nobody can tell
	why      string          // it is not known
	sealed   bool            // it was not judged, since the vault was sealed
	unstored bool            // its binding could not be stored, and so it gets nothing
}

// refused reports whether the principal gets nothing.
func (s standing) refused() bool {
	return s.verdict == binding.Quarantined || s.verdict == binding.Over
}

// same reports whether an identity made of one is as good as one of the other.
func (s standing) same(t standing) bool {
	if s.verdict == binding.Fresh {
		s.verdict = binding.Known
	}
	if t.verdict == binding.Fresh {
		t.verdict = binding.Known
	}
	return s == t
}

func unjudged(name string) standing {
	return standing{user: name, sealed: true, why: "the vault is sealed, and what it knows of accounts with it"}
}
