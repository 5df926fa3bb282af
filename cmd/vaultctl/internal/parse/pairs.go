package parse

import (
	"strings"
	"unicode/utf8"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/fault"
)

// Context reads "name=value" pairs into a ciphertext's context. The value may
// be empty and may hold further equals signs; a name may come once. The value
// @peer stands for the caller's own, which the daemon puts in, and @@ begins a
// value that starts with an @, as in a grant.
func Context(pairs []string) ([]*vaultdv1.ContextPair, error) {
	var out []*vaultdv1.ContextPair
	seen := make(map[string]bool, len(pairs))
	for _, p := range pairs {
		name, value, ok := strings.Cut(p, "=")
		switch {
		case !ok || name == "":
			return nil, fault.E(fault.CodeBadContext, "context %q is not name=value", p)
		case !utf8.ValidString(p):
			return nil, fault.E(fault.CodeBadContext, "context %q is not UTF-8", p)
		case seen[name]:
			return nil, fault.E(fault.CodeBadContext, "context names %q twice", name)
		}
		seen[name] = true
		pair := &vaultdv1.ContextPair{Name: name, Value: value}
		switch {
		case value == "@peer":
			pair.Value, pair.FromPeer = "", true
		case strings.HasPrefix(value, "@@"):
			pair.Value = value[1:]
		case strings.HasPrefix(value, "@"):
			return nil, fault.E(fault.CodeBadContext, "context %q begins its value with an @", p).
				WithHint("write @peer for your own uid, user or unit, or @@ for an @")
		}
		out = append(out, pair)
	}
	return out, nil
}

// Labels reads "name=value" pairs into a key's labels; a name may come once.
func Labels(pairs []string) (map[string]string, error) {
	var out map[string]string
	for _, p := range pairs {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" || !utf8.ValidString(p) {
			return nil, fault.E(fault.CodeBadArgument, "label %q is not name=value", p)
		}
		if _, twice := out[name]; twice {
			return nil, fault.E(fault.CodeBadArgument, "label %q is given twice", name)
		}
		if out == nil {
			out = make(map[string]string, len(pairs))
		}
		out[name] = value
	}
	return out, nil
}
