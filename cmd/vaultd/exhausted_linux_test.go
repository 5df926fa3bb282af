package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// exhaustedVar names a limit of user namespaces that the daemon sets to zero for
// its own before it starts.
const exhaustedVar = "VAULTD_TEST_EXHAUSTED"

// exhaustedExit says that it could not.
const exhaustedExit = 77

func exhaust(limit string) {
	if err := os.WriteFile(filepath.Join("/proc/sys/user", limit), []byte("0"), 0); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exhaustedExit)
	}
}

// startWithout starts a daemon for which a resource of the kernel is used up. The
// limit is that of a user namespace of its own, and so nobody else's.
func (p place) startWithout(t *testing.T, limit string) *daemon {
	t.Helper()
	inNamespace := func(cmd *exec.Cmd) *exec.Cmd {
		cmd.Env = append(cmd.Env, exhaustedVar+"="+limit)
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}},
		}
		return cmd
	}
	if out, err := inNamespace(p.command("version")).CombinedOutput(); err != nil {
		t.Skipf("no user namespace with limits of its own here: %v %s", err, out)
	}
	return p.startCommand(t, inNamespace(p.command()))
}
