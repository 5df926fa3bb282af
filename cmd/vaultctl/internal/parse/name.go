package parse

import (
	"os/user"
	"strconv"
	"strings"

	"github.com/vaultd/vaultd/vault/fault"
)

// Names completes key names for one user: a bare name lies in the user's own
// namespace.
type Names struct {
	UID int // of the caller; the daemon learns the same from the kernel
}

// Owner is the name of the user's own namespace. It comes from the account
// database by uid, never from the environment, which may say anything.
func (n Names) Owner() (string, error) {
	u, err := user.LookupId(strconv.Itoa(n.UID))
	if err != nil || u.Username == "" {
		return "", fault.E(fault.CodeBadArgument, "uid %d has no user name, so a bare key name says too little", n.UID).
			WithHint("write the key as owner/name")
	}
	return u.Username, nil
}

// Key returns "owner/name" for a key written as "name" or "owner/name".
func (n Names) Key(s string) (string, error) {
	owner, name, full := strings.Cut(s, "/")
	switch {
	case !full && s == "":
		return "", fault.E(fault.CodeBadArgument, "a key name is empty")
	case full && (owner == "" || name == "" || strings.Contains(name, "/")):
		return "", fault.E(fault.CodeBadArgument, "%q is not a key name", s).WithHint("write it as name or owner/name")
	case full:
		return s, nil
	}
	owner, err := n.Owner()
	if err != nil {
		return "", err
	}
	return owner + "/" + s, nil
}
