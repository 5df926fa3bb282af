//go:build unix

package ipc_test

import (
	"os/user"
	"strconv"
	"syscall"
)

// runAs makes a process start as u, in the groups given besides its own.
func runAs(u *user.User, groups []uint32) *syscall.SysProcAttr {
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: groups}}
}
