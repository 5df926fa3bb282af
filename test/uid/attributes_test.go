//go:build linux

package uid

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
)

// hierarchy is where this machine keeps the control groups that tell units.
func hierarchy(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{"/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"} {
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil {
			return dir
		}
	}
	t.Skip("there are no control groups here")
	return ""
}

// inGroup makes a control group that goes with the test, and returns how to put a
// process into it.
func inGroup(t *testing.T, path string) func(pid int) {
	t.Helper()
	dir := filepath.Join(hierarchy(t), path)
	t.Cleanup(func() {
		for made := dir; made != hierarchy(t); made = filepath.Dir(made) {
			if os.Remove(made) != nil {
				break // another test's is in it
			}
		}
	})
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Skipf("no control group can be made here: %v", err)
	}
	return func(pid int) {
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
			t.Errorf("move process %d to %s: %v", pid, path, err)
		}
	}
}

// rootMachine is a daemon that runs as root, and so is told what programs its
// callers run.
func rootMachine(t *testing.T) *rig.Daemon {
	t.Helper()
	needRoot(t)
	dir, err := os.MkdirTemp("", "vaultd-uid-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	home := rig.NewHome(t, dir)
	home.Config = "min_free = \"1 MiB\"\nballast = \"1 MiB\"\n"
	if err := os.Chmod(home.Run, 0o755); err != nil {
		t.Fatal(err)
	}
	d := rig.MustStart(t, home)
	d.Init(t)
	return d
}

// TestAttributesNarrow holds what the kernel tells of a process, beyond its user,
// to the answer through the socket: real programs in real control groups.
func TestAttributesNarrow(t *testing.T) {
	d := rootMachine(t)
	socket := d.Home.Socket()
	_, gid := addGroup(t, "n")
	alice, bob := addUser(t, "a"), addUser(t, "b")
	inside := account{name: bob.name + " in the group", uid: bob.uid, gid: bob.gid, groups: []uint32{gid}}
	program := callerProgram(t)
	other := filepath.Join(filepath.Dir(program), "other-caller")
	copySelf(t, other)

	a, b := alice.name, bob.name
	mine := fmt.Sprintf("/user.slice/user-%d.slice/user@%d.service", bob.uid, bob.uid)
	theirs := fmt.Sprintf("/user.slice/user-%d.slice/user@%d.service", alice.uid, alice.uid)
	fill := strings.NewReplacer("A/", a+"/", `"B"`, `"`+b+`"`, "PROGRAM", program, "GID", fmt.Sprint(gid))
	for _, g := range []string{
		`{"effect":"allow","user":"B","verbs":["encrypt"],"keys":["A/exe"],"exe":"PROGRAM"}`,
		`{"effect":"allow","user":"B","verbs":["encrypt"],"keys":["A/unit"],"unit":"vdtest.service"}`,
		`{"effect":"allow","user":"B","verbs":["encrypt"],"keys":["A/user-unit"],"user_unit":"vdtest.service"}`,
		`{"effect":"allow","user":"B","verbs":["encrypt"],"keys":["A/both"],"unit":"vdtest.service","exe":"PROGRAM"}`,
		`{"effect":"allow","gid":GID,"verbs":["encrypt"],"keys":["A/group"],"unit":"vdtest.service"}`,
		`{"effect":"allow","user":"B","verbs":["encrypt"],"keys":["A/bound"],"context":["unit=@unit"]}`,
		`{"effect":"allow","user":"B","verbs":["encrypt"],"keys":["A/label"],"label":"no-such-label"}`,
		`{"effect":"allow","user":"B","verbs":["encrypt"],"keys":["A/not-*"]}`,
		`{"effect":"deny","any_user":true,"verbs":["encrypt"],"keys":["A/not-in-unit"],"unit":"vdtest.service"}`,
		`{"effect":"deny","any_user":true,"verbs":["encrypt"],"keys":["A/not-by-exe"],"exe":"PROGRAM"}`,
	} {
		if _, err := d.Client.AddGrant(context.Background(), &vaultdv1.AddGrantRequest{Json: fill.Replace(g)}); err != nil {
			t.Fatalf("%s: %v", g, err)
		}
	}

	plain := stage{program: program}
	in := func(path string) stage { return stage{program: program, begun: inGroup(t, path)} }
	gone := stage{program: filepath.Join(filepath.Dir(program), "gone-caller")}
	gone.begun = func(int) {
		if err := os.Remove(gone.program); err != nil {
			t.Error(err)
		}
	}
	unit := in("/system.slice/vdtest.service")
	for _, c := range []struct {
		name  string
		who   account
		where stage
		key   string
		ctx   string
		want  bool
	}{
		{"the program", bob, plain, "exe", "", true},
		{"a copy of the program elsewhere", bob, stage{program: other}, "exe", "", false},
		{"the program, another user", inside, plain, "exe", "", true}, // the user counts, groups are beside the point
		{"a program whose file is gone", bob, gone, "exe", "", false},
		{"the unit", bob, unit, "unit", "", true},
		{"no unit", bob, plain, "unit", "", false},
		{"another unit", bob, in("/system.slice/vdother.service"), "unit", "", false},
		{"a group below the unit", bob, in("/system.slice/vdtest.service/worker"), "unit", "", true},
		{"the unit in a slice of the system's", bob, in("/system.slice/system-vdtest.slice/vdtest.service"), "unit", "", true},
		{"a scope", bob, in("/system.slice/vdtest.scope"), "unit", "", false},
		{"a unit of that name in the machine's other slices", bob, in("/vdtest.slice/vdtest.service"), "unit", "", false},
		{"a unit of that name of the user's own", bob, in(mine + "/app.slice/vdtest.service"), "unit", "", false},
		{"a group that only looks like the unit", bob, in("/system.slice/x/vdtest.service"), "unit", "", false},
		{"a unit within a unit", bob, in("/system.slice/vdother.service/system.slice/vdtest.service"), "unit", "", false},
		{"the user's own unit", bob, in(mine + "/app.slice/vdtest.service"), "user-unit", "", true},
		{"the same unit of another user", bob, in(theirs + "/app.slice/vdtest.service"), "user-unit", "", false},
		{"the system's unit is no user's", bob, unit, "user-unit", "", false},
		{"unit and program", bob, unit, "both", "", true},
		{"unit, another program", bob, stage{program: other, begun: unit.begun}, "both", "", false},
		{"program, no unit", bob, plain, "both", "", false},
		{"group and unit", inside, unit, "group", "", true},
		{"unit without group", bob, unit, "group", "", false},
		{"group without unit", inside, plain, "group", "", false},
		{"the unit as context", bob, unit, "bound", "unit=vdtest.service", true},
		{"another unit as context", bob, unit, "bound", "unit=vdother.service", false},
		{"an empty unit as context", bob, plain, "bound", "unit=", false},
		{"a label that nobody has", bob, plain, "label", "", false},
		{"denied in the unit", bob, unit, "not-in-unit", "", false},
		{"outside the denied unit", bob, plain, "not-in-unit", "", true},
		{"a user in the denied unit with another program", bob, stage{program: other, begun: unit.begun}, "not-in-unit", "", false},
		{"denied by program", bob, plain, "not-by-exe", "", false},
		{"another program than the denied one", bob, stage{program: other}, "not-by-exe", "", true},
		{"an unknown program where one is denied", bob, gone, "not-by-exe", "", false},
		{"the owner in the denied unit", alice, unit, "not-in-unit", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.where.program == gone.program {
				copySelf(t, gone.program)
			}
			var pairs []*vaultdv1.ContextPair
			if name, value, ok := strings.Cut(c.ctx, "="); ok {
				pairs = append(pairs, &vaultdv1.ContextPair{Name: name, Value: value})
			}
			key := a + "/" + c.key
			answers := c.where.as(t, c.who, socket,
				request(t, "Encrypt", &vaultdv1.EncryptRequest{Key: key, Context: pairs}),
				request(t, "Can", &vaultdv1.CanRequest{Action: "encrypt", Resource: key, Context: pairs}),
				request(t, "WhoAmI", &vaultdv1.WhoAmIRequest{}))
			// The keys are not there, which whoever is allowed is told.
			want := fault.CodePermissionDenied
			if c.want {
				want = fault.CodeKeyNotFound
			}
			if answers[0].Frame != want || answers[0].Code != string(want) {
				t.Errorf("answers %q over frames and %q over HTTP, want %q; it is %s", answers[0].Frame, answers[0].Code, want, answers[2].Reply)
			}
			var can vaultdv1.CanResponse
			if err := protojson.Unmarshal(answers[1].Reply, &can); err != nil {
				t.Fatal(err)
			}
			if can.GetAllowed() != c.want {
				t.Errorf("can says %v by %s", can.GetAllowed(), can.GetRule())
			}
			if c.where.program == gone.program && bytes.Contains(answers[2].Reply, []byte(`"exe"`)) {
				t.Errorf("whoami tells of a program that is gone: %s", answers[2].Reply)
			}
		})
	}
}
