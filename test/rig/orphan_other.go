//go:build unix && !linux

package rig

import "syscall"

// dieWithTest has no call to make here: a program outlives a test that is killed.
func dieWithTest(*syscall.SysProcAttr) {}
