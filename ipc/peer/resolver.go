package peer

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	nameLifetime = 30 * time.Second // an account renamed or removed is noticed within this
	missLifetime = 2 * time.Second  // an account that is not there
	maxNames     = 4096             // more users than this at once start the cache anew
	maxNameLen   = 255              // bytes; no system gives a user a longer name
)

// Resolver finds the user names of uids in the system's account database, and
// remembers them for half a minute. The zero value is ready; a Resolver is safe
// for concurrent use.
type Resolver struct {
	Lookup func(uid string) (*user.User, error) // nil is user.LookupId

	now func() time.Time // nil is time.Now

	mu      sync.Mutex // guards what follows
	names   map[uint32]remembered
	forgets uint64 // counts Forget, so that an answer from before it is not remembered
}

type remembered struct {
	name  string
	until time.Time
}

// Name is the user name of uid, empty when there is no such account. An error
// says that the account database did not answer: nothing is known then.
func (r *Resolver) Name(uid uint32) (string, error) {
	r.mu.Lock()
	known, ok := r.names[uid]
	r.mu.Unlock()
	if ok && r.time().Before(known.until) {
		return known.name, nil
	}
	return r.Look(uid)
}

// Look is Name asked anew, whatever is remembered.
func (r *Resolver) Look(uid uint32) (string, error) {
	r.mu.Lock()
	forgets := r.forgets
	r.mu.Unlock()
	lookup := user.LookupId
	if r.Lookup != nil {
		lookup = r.Lookup
	}
	u, err := lookup(strconv.FormatUint(uint64(uid), 10))
	var unknown user.UnknownUserIdError
	answer := remembered{until: r.time().Add(missLifetime)}
	switch {
	case errors.As(err, &unknown):
	case err != nil:
		return "", fmt.Errorf("look up uid %d: %w", uid, err)
	case u.Username == "" || len(u.Username) > maxNameLen || !utf8.ValidString(u.Username):
		return "", fmt.Errorf("look up uid %d: its name is no user name", uid)
	default:
		answer = remembered{u.Username, r.time().Add(nameLifetime)}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.forgets != forgets {
		return answer.name, nil
	}
	if r.names == nil || len(r.names) >= maxNames {
		r.names = make(map[uint32]remembered)
	}
	r.names[uid] = answer
	return answer.name, nil
}

// Forget drops what is remembered: the account database changed.
func (r *Resolver) Forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names = nil
	r.forgets++
}

func (r *Resolver) time() time.Time {
	if r.now != nil {
		return r.now()
	}
	return time.Now()
}
