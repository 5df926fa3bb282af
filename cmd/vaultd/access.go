package main

import (
	"os"
	"os/user"
	"strconv"

	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/vault/policy"
)

// policyOf turns names of groups into the numbers that the kernel will tell. A
// group that does not exist is an error: an administrator who is none would be
// noticed too late.
func policyOf(a config.Access) (*policy.Policy, error) {
	p := &policy.Policy{DaemonUID: uint32(os.Geteuid())}
	for _, name := range a.AdminGroups {
		id := name
		if _, err := strconv.ParseUint(name, 10, 32); err != nil {
			g, err := user.LookupGroup(name)
			if err != nil {
				return nil, usage("[access] admin_groups: there is no group %q on this machine", name)
			}
			id = g.Gid
		}
		gid, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return nil, usage("[access] admin_groups: group %q has no numeric id", name)
		}
		p.AdminGroups = append(p.AdminGroups, uint32(gid))
	}
	return p, nil
}
