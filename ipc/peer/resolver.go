package peer

import (
	"errors"
	"os/user"
	"strconv"
	"sync"
	"time"

	"github.com/vaultd/vaultd/vault/policy"
)

const (
	nameLifetime = 30 * time.Second // an account renamed or removed is noticed within this
	missLifetime = 2 * time.Second  // an account that is not there, or a directory that does not answer
	maxNames     = 4096             // more users than this at once start the cache anew
)

// Resolver turns credentials into principals. User names are looked up in the
// system's account database and kept for half a minute. The zero value is
// ready; a Resolver is safe for concurrent use.
type Resolver struct {
	lookup func(uid string) (*user.User, error) // nil is user.LookupId
	now    func() time.Time                     // nil is time.Now

	mu    sync.Mutex // guards names
	names map[uint32]cachedName
}

type cachedName struct {
	name  string
	until time.Time
}

// Principal is who c is. The user name stays empty when the account database
// has none or does not answer, so that nobody gets a namespace by accident.
func (r *Resolver) Principal(c *Credentials) *policy.Principal {
	unit, userUnit, known := c.Units()
	return &policy.Principal{
		UID: c.UID, GID: c.GID, Groups: c.Groups, PID: c.PID,
		User: r.UserName(c.UID),
		Exe:  c.Executable(), Started: c.Started(), Label: c.Label,
		Unit: unit, UserUnit: userUnit, UnitKnown: known,
	}
}

// UserName is the account name of uid, empty when there is none.
func (r *Resolver) UserName(uid uint32) string {
	now := time.Now
	if r.now != nil {
		now = r.now
	}
	r.mu.Lock()
	cached, ok := r.names[uid]
	r.mu.Unlock()
	if ok && now().Before(cached.until) {
		return cached.name
	}

	lookup := user.LookupId
	if r.lookup != nil {
		lookup = r.lookup
	}
	cached = cachedName{until: now().Add(missLifetime)}
	u, err := lookup(strconv.FormatUint(uint64(uid), 10))
	var unknown user.UnknownUserIdError
	if err != nil && !errors.As(err, &unknown) {
		return "" // the directory did not answer: ask again next time
	}
	if err == nil {
		cached = cachedName{name: u.Username, until: now().Add(nameLifetime)}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.names == nil || len(r.names) >= maxNames {
		r.names = make(map[uint32]cachedName)
	}
	r.names[uid] = cached
	return cached.name
}
