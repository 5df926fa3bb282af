//go:build linux

package uid

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/test/rig"
	"github.com/vaultd/vaultd/vault/fault"
)

// accounts is how soon a change of a local account is in force, with room for a
// slow machine.
var accounts = rig.Promise{Within: 3 * time.Second}

// makeUser makes a user without a group of its own, whose name begins as the
// others' do and ends in role. A uid of zero leaves it to the system. Whatever
// has the name in the end goes with the test.
func makeUser(t *testing.T, role string, uid uint32) account {
	t.Helper()
	name := userName(role)
	args := []string{"--system", "--no-create-home", "--no-user-group", "--shell", "/usr/sbin/nologin", name}
	if uid != 0 {
		args = append([]string{"--uid", strconv.FormatUint(uint64(uid), 10)}, args...)
	}
	command(t, "useradd", args...)
	t.Cleanup(func() { removeUser(t, role) })
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	return account{name: name, uid: id(t, u.Uid), gid: id(t, u.Gid)}
}

func userName(role string) string { return fmt.Sprintf("vdt%d%s", os.Getpid(), role) }

func removeUser(t *testing.T, role string) {
	t.Helper()
	if _, err := user.Lookup(userName(role)); err == nil {
		command(t, "userdel", userName(role))
	}
}

// connect is one connection of somebody, which stays open.
func connect(t *testing.T, m *machine, who account) *client.Client {
	t.Helper()
	var c *client.Client
	var err error
	rig.Become(who.uid, who.gid, func() {
		c, err = client.Dial(rig.Context(t), client.WithSocket(m.daemon.Home.Socket()), client.WithConnections(1))
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func encrypts(t *testing.T, c *client.Client, key string) error {
	t.Helper()
	_, err := c.Encrypt(rig.Context(t), &vaultdv1.EncryptRequest{Key: key, Plaintext: []byte("x")})
	return err
}

func creates(t *testing.T, c *client.Client, key string) {
	t.Helper()
	if _, err := c.CreateKey(rig.Context(t), &vaultdv1.CreateKeyRequest{Name: key}); err != nil {
		t.Fatal(err)
	}
}

// wants holds a connection to an answer.
func wants(t *testing.T, what string, c *client.Client, key string, want fault.Code) {
	t.Helper()
	if err := encrypts(t, c, key); rig.Code(err) != want {
		t.Errorf("%s: %s answers %q (%v), want %q", what, key, rig.Code(err), err, want)
	}
}

// soon waits for an answer on an open connection; a new one must answer the
// same then.
func (m *machine) soon(t *testing.T, what string, who account, open *client.Client, key string, want fault.Code) {
	t.Helper()
	var err error
	if !accounts.Await(func() bool { err = encrypts(t, open, key); return rig.Code(err) == want }) {
		t.Fatalf("%s: %s answers %q (%v), want %q", what, key, rig.Code(err), err, want)
	}
	wants(t, what+", anew", connect(t, m, who), key, want)
	wants(t, what+", root", m.root(t), "root/k", "")
}

func (m *machine) root(t *testing.T) *client.Client {
	t.Helper()
	return connect(t, m, account{name: "root"})
}

// ctl runs vaultctl as root.
func (m *machine) ctl(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(rig.Context(t), rig.Program(t, "vaultctl"), args...)
	cmd.Env = m.daemon.Home.Env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("vaultctl %v: %v: %s", args, err, out)
	}
	return string(out)
}

func (a account) number() string { return strconv.FormatUint(uint64(a.uid), 10) }

// Whatever becomes of an account, nobody gets the keys of another user by it,
// on an open connection or a new one, over restarts of the daemon.
func TestAccountsThatChange(t *testing.T) {
	for name, story := range map[string]func(*testing.T, *machine){
		"renamed": func(t *testing.T, m *machine) {
			old := makeUser(t, "p", 0)
			open := connect(t, m, old)
			creates(t, open, old.name+"/k")
			command(t, "usermod", "--login", userName("q"), old.name)
			t.Cleanup(func() { removeUser(t, "q") })
			m.soon(t, "renamed", old, open, old.name+"/k", fault.CodePrincipalChanged)
			wants(t, "the new name", open, userName("q")+"/k", fault.CodePrincipalChanged)
			if out := m.ctl(t, "principal", "list", "--changed"); !strings.Contains(out, old.name) || !strings.Contains(out, userName("q")) {
				t.Errorf("list:\n%s", out)
			}
			m.ctl(t, "principal", "adopt", userName("q"))
			creates(t, open, userName("q")+"/k")
			wants(t, "adopted, under the name it had", open, old.name+"/k", fault.CodePermissionDenied)
			m.restart(t)
			open = connect(t, m, old)
			wants(t, "after a restart", open, userName("q")+"/k", "")
			wants(t, "after a restart, under the name it had", open, old.name+"/k", fault.CodePermissionDenied)
		},
		"removed and made again": func(t *testing.T, m *machine) {
			old := makeUser(t, "r", 0)
			open := connect(t, m, old)
			creates(t, open, old.name+"/k")
			removeUser(t, "r")
			m.soon(t, "removed", old, open, old.name+"/k", fault.CodePrincipalChanged)
			makeUser(t, "r", old.uid)
			m.restart(t)
			open = connect(t, m, old)
			wants(t, "made again", open, old.name+"/k", fault.CodePrincipalChanged)
			m.ctl(t, "principal", "adopt", old.number())
			wants(t, "adopted", open, old.name+"/k", "")
		},
		"a used uid": func(t *testing.T, m *machine) {
			old := makeUser(t, "s", 0)
			open := connect(t, m, old)
			creates(t, open, old.name+"/k")
			removeUser(t, "s")
			heir := makeUser(t, "t", old.uid)
			m.soon(t, "used", heir, open, old.name+"/k", fault.CodePrincipalChanged)
			wants(t, "the heir's own", connect(t, m, heir), heir.name+"/k", fault.CodePrincipalChanged)
			var refused *client.Error
			if err := encrypts(t, open, old.name+"/k"); !errors.As(err, &refused) || !strings.Contains(refused.Hint, "vaultctl principal retire "+old.number()) {
				t.Errorf("refused with %v", err)
			}
			m.ctl(t, "principal", "retire", old.number(), "--reason", "left")
			creates(t, open, heir.name+"/k")
			wants(t, "the old user's, for somebody new", open, old.name+"/k", fault.CodePermissionDenied)
			m.restart(t)
			open = connect(t, m, heir)
			wants(t, "after a restart", open, heir.name+"/k", "")
			wants(t, "after a restart, the old user's", open, old.name+"/k", fault.CodePermissionDenied)
		},
		"a used uid while the daemon is down": func(t *testing.T, m *machine) {
			old := makeUser(t, "u", 0)
			creates(t, connect(t, m, old), old.name+"/k")
			if err := m.daemon.Stop(); err != nil {
				t.Fatal(err)
			}
			removeUser(t, "u")
			heir := makeUser(t, "v", old.uid)
			m.start(t)
			wants(t, "at once", connect(t, m, heir), old.name+"/k", fault.CodePrincipalChanged)
			wants(t, "the heir's own", connect(t, m, heir), heir.name+"/k", fault.CodePrincipalChanged)
		},
		"a name under another uid": func(t *testing.T, m *machine) {
			old := makeUser(t, "w", 0)
			open := connect(t, m, old)
			creates(t, open, old.name+"/k")
			removeUser(t, "w")
			heir := makeUser(t, "w", old.uid+20_000)
			m.soon(t, "removed", old, open, old.name+"/k", fault.CodePrincipalChanged)
			wants(t, "another uid", connect(t, m, heir), old.name+"/k", fault.CodePrincipalChanged)
			m.ctl(t, "principal", "adopt", heir.number())
			wants(t, "adopted", connect(t, m, heir), old.name+"/k", "")
			wants(t, "the uid that had it", open, old.name+"/k", fault.CodePrincipalChanged)
			m.restart(t)
			wants(t, "after a restart", connect(t, m, heir), old.name+"/k", "")
			wants(t, "the uid that had it, after a restart", connect(t, m, old), old.name+"/k", fault.CodePrincipalChanged)
		},
		"retired": func(t *testing.T, m *machine) {
			gone := makeUser(t, "x", 0)
			open := connect(t, m, gone)
			creates(t, open, gone.name+"/k")
			m.ctl(t, "principal", "retire", gone.name)
			wants(t, "retired", open, gone.name+"/k", fault.CodePrincipalChanged)
			m.daemon.Kill()
			m.start(t)
			wants(t, "after a crash", connect(t, m, gone), gone.name+"/k", fault.CodePrincipalChanged)
			heir := makeUser(t, "y", 0)
			removeUser(t, "x")
			command(t, "usermod", "--login", gone.name, heir.name)
			wants(t, "its name for another", connect(t, m, heir), gone.name+"/k", fault.CodePrincipalChanged)
		},
		"an administrator": func(t *testing.T, m *machine) {
			old := makeUser(t, "z", 0)
			admin := account{old.name, old.uid, m.admin.groups[0], nil}
			open := connect(t, m, admin)
			wants(t, "an administrator", open, "root/k", "")
			command(t, "usermod", "--login", userName("i"), old.name)
			t.Cleanup(func() { removeUser(t, "i") })
			m.soon(t, "renamed", admin, open, "root/k", fault.CodePrincipalChanged)
			if _, err := open.Seal(rig.Context(t), &vaultdv1.SealRequest{}); rig.Code(err) != fault.CodePrincipalChanged {
				t.Errorf("seal: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			creates(t, m.root(t), "root/k")
			story(t, m)
			if out := m.ctl(t, "audit", "tail", "--action", "principal.changed", "-o", "json"); !strings.Contains(out, `"principal.changed"`) {
				t.Errorf("audit log: %q", out)
			}
		})
	}
	accounts.Kept(t)
}

func (m *machine) restart(t *testing.T) {
	t.Helper()
	if err := m.daemon.Stop(); err != nil {
		t.Fatal(err)
	}
	m.start(t)
}

func (m *machine) start(t *testing.T) {
	t.Helper()
	m.daemon = rig.MustStart(t, m.daemon.Home)
	if err := m.daemon.Unseal(rig.Context(t), rig.Password); err != nil {
		t.Fatal(err)
	}
}
