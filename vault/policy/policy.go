// Package policy decides who may do what to which key. It knows nothing of
// sockets or storage: a Principal and an Action come in, a Decision goes out.
//
// The rule so far is the one of a machine without grants: a user owns the
// namespace of its own name, administrators may do everything, and everybody
// else is denied.
package policy

import "slices"

// Principal is who calls, as the kernel tells it. Nothing in it comes from a
// message. An attribute that could not be had without a race stays empty.
type Principal struct {
	UID    uint32
	GID    uint32
	Groups []uint32 // supplementary groups
	PID    int32    // zero when unknown
	User   string   // user name of UID, empty when the account is unknown
	Exe    string   // executable path, empty when unknown
	Unit   string   // systemd unit, empty when unknown
}

// Action names one operation of the service.
type Action string

// Resource is what an action touches: the owner's namespace, and within it a
// key name where the action is about one key. Both are empty for the vault itself.
type Resource struct {
	Owner string
	Key   string
}

// Decision is the answer, with the rule that gave it.
type Decision struct {
	Allowed bool
	Rule    string // for logs: "root", "daemon-user", "admin-group", "owner", "public", "default-deny"
}

// Policy holds what the rule needs to know about the machine.
type Policy struct {
	DaemonUID   uint32
	AdminGroups []uint32
}

// IsAdmin reports whether the principal may do everything, and by which rule.
func (p *Policy) IsAdmin(who *Principal) (string, bool) {
	switch {
	case who.UID == 0:
		return "root", true
	case who.UID == p.DaemonUID:
		return "daemon-user", true
	}
	for _, g := range p.AdminGroups {
		if who.GID == g || slices.Contains(who.Groups, g) {
			return "admin-group", true
		}
	}
	return "", false
}
