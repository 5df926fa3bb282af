package peer

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// The test binary is its own helper: with this variable set it connects to the
// named socket and waits until the other end closes.
const helperSocket = "VAULTD_PEER_HELPER_SOCKET"

func TestMain(m *testing.M) {
	if path := os.Getenv(helperSocket); path != "" {
		helper(path)
	}
	os.Exit(m.Run())
}

func helper(path string) {
	if tmpfs := os.Getenv("VAULTD_PEER_HELPER_TMPFS"); tmpfs != "" {
		moveToTmpfs(tmpfs)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, c)
	os.Exit(0)
}

// moveToTmpfs covers dir by a file system that only this process sees, puts a
// copy of this program there and runs it.
func moveToTmpfs(dir string) {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		os.Exit(1)
	}
	if syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") != nil ||
		syscall.Mount("none", dir, "tmpfs", 0, "") != nil {
		os.Exit(77)
	}
	name := filepath.Join(dir, "program")
	if os.WriteFile(name, self, 0o755) != nil {
		os.Exit(1)
	}
	env := slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "VAULTD_PEER_HELPER_TMPFS") })
	_ = syscall.Exec(name, []string{name}, env)
	os.Exit(1)
}

// connectAs runs the helper with attr and returns what it is and the
// connection that it made.
func connectAs(t *testing.T, attr *syscall.SysProcAttr, env ...string) (*exec.Cmd, *net.UnixConn) {
	t.Helper()
	dir, err := os.MkdirTemp("", "peer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	// Another uid cannot run the test binary where the build put it.
	program := filepath.Join(dir, "helper")
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, self, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append([]string{helperSocket + "=" + path}, env...)
	cmd.SysProcAttr = attr
	cmd.Dir = "/"
	if err := cmd.Start(); err != nil {
		t.Skip("cannot start the helper:", err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); _ = l.Close(); close(exited) }()
	c, err := l.AcceptUnix()
	if err != nil {
		<-exited
		if cmd.ProcessState.ExitCode() == 77 {
			t.Skip("cannot mount here")
		}
		t.Fatal("the helper did not connect:", cmd.ProcessState)
	}
	t.Cleanup(func() { _ = c.Close(); <-exited })
	return cmd, c
}

func TestCredentialsOfAnotherUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	groups := make([]uint32, 100) // more than the first try has room for
	for i := range groups {
		groups[i] = uint32(5000 + i)
	}
	cmd, conn := connectAs(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4321, Gid: 4322, Groups: groups}})
	c, err := Read(conn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	slices.Sort(c.Groups)
	if c.UID != 4321 || c.GID != 4322 || c.PID != int32(cmd.Process.Pid) || !slices.Equal(c.Groups, groups) {
		t.Errorf("got uid %d gid %d pid %d groups %v", c.UID, c.GID, c.PID, c.Groups)
	}
	if c.process == nil {
		t.Skip("this kernel has no SO_PEERPIDFD")
	}
	if exe := c.Executable(); exe != cmd.Path {
		t.Errorf("executable %q, want %q", exe, cmd.Path)
	}
}

func TestOverflowUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user")
	}
	_, conn := connectAs(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: overflowUID, Gid: overflowUID}})
	if c, err := Read(conn); !errors.Is(err, ErrForeign) {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestExecutableOfDeadPeerIsUnknown(t *testing.T) {
	cmd, conn := connectAs(t, nil)
	c, err := Read(conn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.process == nil {
		t.Skip("this kernel has no SO_PEERPIDFD")
	}
	if c.Executable() == "" {
		t.Fatal("no executable while the peer lives")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, conn) // returns when the process is gone
	for c.process.alive() {
	}
	if exe := c.Executable(); exe != "" {
		t.Errorf("executable %q of a dead process", exe)
	}
}

func TestDeadPeerHasNoUnitsAndNoStart(t *testing.T) {
	cmd, conn := connectAs(t, nil)
	c, err := Read(conn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.process == nil {
		t.Skip("this kernel has no SO_PEERPIDFD")
	}
	if _, _, known := c.Units(); !known {
		t.Error("the units of a living peer are unknown")
	}
	if c.Started() == 0 {
		t.Error("the start of a living peer is unknown")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, conn) // returns when the process is gone
	for c.process.alive() {
	}
	if unit, userUnit, known := c.Units(); known || unit != "" || userUnit != "" || c.Started() != 0 {
		t.Errorf("unit %q, %q, known %v, started %d of a dead process", unit, userUnit, known, c.Started())
	}
}

func TestUserUnitOf(t *testing.T) {
	for cgroup, want := range map[string]string{
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/backup.service\n": "backup.service",
		"0::/user.slice/user-1000.slice/user@1000.service/init.scope\n":               "init.scope",
		"0::/user.slice/user-1001.slice/user@1001.service/app.slice/backup.service\n": "",
		"0::/user.slice/user-1000.slice/session-3.scope\n":                            "",
		"0::/system.slice/backup.service\n":                                           "",
	} {
		if got := userUnitOf([]byte(cgroup), 1000); got != want {
			t.Errorf("%q: %q, want %q", cgroup, got, want)
		}
	}
}

func TestExecutableFromPrivateMountIsUnknown(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount")
	}
	dir := t.TempDir()
	decoy := filepath.Join(dir, "program")
	if err := os.WriteFile(decoy, []byte("trusted"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, conn := connectAs(t, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}, "VAULTD_PEER_HELPER_TMPFS="+dir)
	c, err := Read(conn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.process == nil {
		t.Skip("this kernel has no SO_PEERPIDFD")
	}
	if exe := c.Executable(); exe != "" {
		t.Errorf("a program on a private mount passes as %q", exe)
	}
}

func TestUnitOf(t *testing.T) {
	for _, test := range []struct{ name, cgroup, want string }{
		{"service", "0::/system.slice/backup.service\n", "backup.service"},
		{"nested slice", "0::/system.slice/system-getty.slice/getty@tty1.service\n", "getty@tty1.service"},
		{"group below a unit", "0::/system.slice/backup.service/payload\n", "backup.service"},
		{"unit named by its own subgroup", "0::/system.slice/backup.service/other.service\n", "backup.service"},
		{"hybrid", "12:cpu:/x\n1:name=systemd:/system.slice/cron.service\n0::/system.slice/cron.service\n", "cron.service"},
		{"user session", "0::/user.slice/user-1000.slice/user@1000.service/app.slice/backup.service\n", ""},
		{"session scope", "0::/user.slice/user-1000.slice/session-3.scope\n", ""},
		{"root group", "0::/\n", ""},
		{"outside our namespace", "0::/../../system.slice/backup.service\n", ""},
		{"climbing", "0::/system.slice/../user.slice/backup.service\n", ""},
		{"not a unit", "0::/system.slice/plain/backup.service\n", ""},
		{"empty", "", ""},
		{"garbage", "::::\n\n0\n0:", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := unitOf([]byte(test.cgroup)); got != test.want {
				t.Errorf("unit %q, want %q", got, test.want)
			}
		})
	}
}

func FuzzUnitOf(f *testing.F) {
	f.Add([]byte("0::/system.slice/backup.service\n"))
	f.Add([]byte("1:name=systemd:/system.slice/a.slice/b.scope"))
	f.Fuzz(func(t *testing.T, cgroup []byte) {
		unit := unitOf(cgroup)
		if strings.ContainsAny(unit, "/\n") {
			t.Errorf("unit %q", unit)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	server, _ := pair(b)
	for b.Loop() {
		c, err := Read(server)
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

func BenchmarkPrincipal(b *testing.B) {
	server, _ := pair(b)
	for b.Loop() {
		c, err := Read(server)
		if err != nil {
			b.Fatal(err)
		}
		c.Principal()
		c.Close()
	}
}
