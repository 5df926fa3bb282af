//go:build linux

package uid

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
)

// soon waits for what the daemon promises to do within a second.
func soon(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// The administrators' group is another one without a restart.
func TestAdministratorsChangeLive(t *testing.T) {
	m := newMachine(t)
	group, gid := addGroup(t, "h")
	eve := addUser(t, "e", gid)
	socket := m.daemon.Home.Socket()
	code := func(who account) fault.Code {
		t.Helper()
		a := as(t, who, socket, request(t, "ListGrants", &vaultdv1.ListGrantsRequest{}))[0]
		return fault.Code(a.Code) // of the second of its two calls
	}
	if code(m.admin) != "" || code(eve) != fault.CodePermissionDenied {
		t.Fatal("the groups are not those of the configuration")
	}
	h := m.daemon.Home
	h.Config = "min_free = \"1 MiB\"\nballast = \"1 MiB\"\n[access]\nadmin_groups = [\"" + group + "\"]\n"
	if _, err := h.WriteConfig(); err != nil {
		t.Fatal(err)
	}
	soon(t, "the new administrator", func() bool { return code(eve) == "" })
	if got := code(m.admin); got != fault.CodePermissionDenied {
		t.Errorf("who was an administrator gets %q", got)
	}
}

// A policy file that the daemon may not read is not taken for an empty one.
func TestUnreadablePolicyChangesNothing(t *testing.T) {
	m := newMachine(t)
	dir := filepath.Join(m.daemon.Home.Run, ".config", "vaultd", "policy.d")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	put := func(name string, mode os.FileMode) {
		t.Helper()
		file := filepath.Join(dir, "a.toml")
		text := "[[grant]]\nname = \"" + name + "\"\neffect = \"deny\"\nany_user = true\nverbs = [\"export\"]\nkeys = [\"*/*\"]\n"
		if err := os.WriteFile(file+".new", []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	status := func() *vaultdv1.StatusResponse {
		t.Helper()
		s, err := m.daemon.Client.Status(rig.Context(t), &vaultdv1.StatusRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	empty := status().GetPolicyHash()
	put("first", 0o644)
	soon(t, "the first policy", func() bool { return status().GetPolicyHash() != empty })
	first := status().GetPolicyHash()
	put("second", 0o600) // root's alone
	soon(t, "the problem", func() bool { return strings.Contains(status().GetPolicyProblem(), "permission denied") })
	if got := status().GetPolicyHash(); got != first {
		t.Error("a file that can't be read has changed the policy")
	}
	if err := os.Chmod(filepath.Join(dir, "a.toml"), 0o644); err != nil {
		t.Fatal(err)
	}
	soon(t, "the second policy", func() bool { s := status(); return s.GetPolicyProblem() == "" && s.GetPolicyHash() != first })
}
