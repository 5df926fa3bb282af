package policy

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Principal is who calls, as the kernel tells it. Nothing in it comes from a
// message. An attribute that could not be had without a race stays empty, and
// means "unknown": it never satisfies an allow, and never escapes a deny.
type Principal struct {
	UID     uint32
	GID     uint32
	Groups  []uint32 // supplementary groups; nil when unknown, which is not the same as none
	PID     int32    // zero when unknown
	Started uint64   // when the process began, in the kernel's clock ticks since boot; zero when unknown
	User    string   // user name of UID, empty when the account is unknown
	Exe     string   // executable path, empty when unknown
	Label   string   // security label (SELinux, AppArmor, Smack), empty when unknown

	Unit      string // systemd unit below system.slice, empty when there is none
	UserUnit  string // unit of the user's own systemd, empty when there is none
	UnitKnown bool   // the units were read: an empty one means that there is none

	// Changed says that the account behind UID is not the one it was, see
	// package binding. Such a principal is denied whatever is not public.
	Changed bool
}

// Action names one operation of the service.
type Action string

// Resource is what an action touches: the owner's namespace, and within it a
// key name where the action is about one key. Both are empty for the vault itself.
type Resource struct {
	Owner string
	Key   string
}

// The rules that decide, as they appear in logs.
const (
	RulePublic    = "public"            // everybody may
	RuleRoot      = "root"              // uid 0
	RuleDaemon    = "daemon-user"       // the user that the daemon runs as
	RuleAdmin     = "admin-group"       // a member of an administrators' group
	RuleOwner     = "owner"             // the namespace is the caller's own
	RuleGrant     = "grant"             // a grant allows it
	RuleDeny      = "grant-deny"        // a grant denies it
	RuleFourEyes  = "four-eyes"         // a grant wants a second administrator's approval first
	RuleExhausted = "grant-exhausted"   // a grant would allow it, but its uses are up, or could not be counted
	RuleChanged   = "principal-changed" // the account changed behind its uid
	RuleDefault   = "default-deny"      // nothing allows it
)

// Decision is the answer, with the rule that gave it.
type Decision struct {
	Allowed bool
	Rule    string // one of the rules above
	Grant   string // id of the grant that decided, empty when none did
}

// Policy is what decides. The exported fields are set before its first use and
// never after; a Policy is then safe for concurrent use and must not be copied.
type Policy struct {
	DaemonUID   uint32
	AdminGroups []uint32         // until SetAdminGroups
	Now         func() time.Time // for grants that begin, end or count; nil is time.Now

	installing sync.Mutex          // held while a set is replaced
	set        atomic.Pointer[Set] // nil until the first is installed
	admins     atomic.Pointer[[]uint32]
}

// SetAdminGroups puts others in the place of AdminGroups, for every decision
// that begins from now on.
func (p *Policy) SetAdminGroups(gids []uint32) {
	gids = slices.Clone(gids)
	p.admins.Store(&gids)
}

func (p *Policy) adminGroups() []uint32 {
	if set := p.admins.Load(); set != nil {
		return *set
	}
	return p.AdminGroups
}

// IsAdmin reports whether the principal may do everything, and by which rule.
// A grant may still deny something to a member of an administrators' group. A
// principal that changed is none: whoever has the uid now may never have been
// let into the group.
func (p *Policy) IsAdmin(who *Principal) (string, bool) {
	if rule, ok := p.isSupreme(who); ok {
		return rule, true
	}
	if who.Changed {
		return "", false
	}
	for _, g := range p.adminGroups() {
		if who.GID == g || slices.Contains(who.Groups, g) {
			return RuleAdmin, true
		}
	}
	return "", false
}

// isSupreme reports whether no grant can hold the principal back. Root and the
// daemon's user can read the daemon's memory and replace its files, so a deny
// would only pretend; and a policy that locks everybody out must be repairable.
func (p *Policy) isSupreme(who *Principal) (string, bool) {
	switch who.UID {
	case 0:
		return RuleRoot, true
	case p.DaemonUID:
		return RuleDaemon, true
	}
	return "", false
}

// IsSupreme reports whether uid is root's or the daemon's own, whom nothing
// that the policy says can hold back.
func (p *Policy) IsSupreme(uid uint32) bool { return uid == 0 || uid == p.DaemonUID }

// Install puts s in force for every decision that begins from now on. The
// generation rises by one if s differs from the set before it.
func (p *Policy) Install(s *Set) {
	p.installing.Lock()
	defer p.installing.Unlock()
	next := *s
	next.generation = 1
	if before := p.set.Load(); before != nil {
		next.generation = before.generation
		if before.hash != s.hash {
			next.generation++
		}
	}
	p.set.Store(&next)
}

// Set is the set in force, nil when none was installed yet.
func (p *Policy) Set() *Set { return p.set.Load() }

func (p *Policy) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}
