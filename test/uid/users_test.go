//go:build linux

package uid

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// account is a user made for a test.
type account struct {
	name     string
	uid, gid uint32
	groups   []uint32
}

func (a account) credential() *syscall.Credential {
	return &syscall.Credential{Uid: a.uid, Gid: a.gid, Groups: a.groups}
}

// needRoot skips a test that can't make users.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("making users needs root")
	}
	for _, tool := range []string{"useradd", "userdel", "groupadd", "groupdel"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("making users needs %s", tool)
		}
	}
	sweep(t)
}

// ours are the names that these tests give: vdt, the process, a role.
var ours = regexp.MustCompile(`(?m)^vdt([0-9]+)[a-z]:`)

// sweep removes what tests that were killed have left.
func sweep(t *testing.T) {
	t.Helper()
	for _, kind := range []struct{ file, tool string }{{"/etc/passwd", "userdel"}, {"/etc/group", "groupdel"}} {
		names, err := os.ReadFile(kind.file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range ours.FindAllSubmatch(names, -1) {
			if _, err := os.Stat("/proc/" + string(found[1])); errors.Is(err, os.ErrNotExist) {
				name := strings.TrimSuffix(string(found[0]), ":")
				if out, err := exec.Command(kind.tool, name).CombinedOutput(); err != nil {
					t.Logf("%s %s, which a test left: %v: %s", kind.tool, name, err, out)
				}
			}
		}
	}
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, out)
	}
}

// addGroup makes a group that goes with the test.
func addGroup(t *testing.T, role string) (string, uint32) {
	t.Helper()
	name := fmt.Sprintf("vdt%d%s", os.Getpid(), role)
	command(t, "groupadd", "--system", name)
	t.Cleanup(func() { command(t, "groupdel", name) })
	g, err := user.LookupGroup(name)
	if err != nil {
		t.Fatal(err)
	}
	return name, id(t, g.Gid)
}

// addUser makes a user, with a group of its own, that goes with the test.
func addUser(t *testing.T, role string, groups ...uint32) account {
	t.Helper()
	name := fmt.Sprintf("vdt%d%s", os.Getpid(), role)
	command(t, "useradd", "--system", "--no-create-home", "--user-group", "--shell", "/usr/sbin/nologin", name)
	t.Cleanup(func() { command(t, "userdel", name) })
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return account{name: name, uid: id(t, u.Uid), gid: id(t, u.Gid), groups: groups}
}

func id(t *testing.T, s string) uint32 {
	t.Helper()
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(n)
}
