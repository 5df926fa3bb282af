package rig

import "syscall"

// dieWithTest ends a program when the test that started it is killed.
func dieWithTest(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
