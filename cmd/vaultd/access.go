package main

import (
	"os"
	"os/user"
	"strconv"

	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/vault/policy"
)

// policyOf is the policy without its grants.
func policyOf(a config.Access) (*policy.Policy, error) {
	admins, err := adminGroups(a)
	if err != nil {
		return nil, err
	}
	return &policy.Policy{DaemonUID: uint32(os.Geteuid()), AdminGroups: admins}, nil
}

// adminGroups turns names of groups into the numbers that the kernel will tell. A
// group that does not exist is an error: an administrator who is none would be
// noticed too late.
func adminGroups(a config.Access) ([]uint32, error) {
	var gids []uint32
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
		gids = append(gids, uint32(gid))
	}
	return gids, nil
}
