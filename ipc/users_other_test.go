//go:build !unix

package ipc_test

import (
	"os/user"
	"syscall"
)

// runAs changes nothing where there are no users to run as.
func runAs(*user.User, []uint32) *syscall.SysProcAttr { return nil }
