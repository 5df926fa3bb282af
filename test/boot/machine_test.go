//go:build linux

package boot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"github.com/vaultd/vaultd/test/rig"
)

// bootVar asks for this test, and as "long" for what takes more than CI has time for.
const bootVar = "VAULTD_BOOT"

// bound is how long all of it may take once the programs are built.
const bound = 6 * time.Minute

// machine is a container that boots systemd on a copy of this machine's files.
type machine struct {
	t   *testing.T
	ctx context.Context
	dir string // upper and work directory of the overlay

	console *console
	nspawn  *exec.Cmd     // unshare, whose child it is
	ended   chan struct{} // closed when it is gone
	init    int           // process 1 of the container, by our number
}

// newMachine makes a machine that is off, and goes with the test.
func newMachine(t *testing.T) *machine {
	t.Helper()
	if os.Getenv(bootVar) == "" {
		t.Skip("booting takes a minute: run 'make boot'")
	}
	if os.Geteuid() != 0 {
		t.Skip("booting a container needs root")
	}
	for _, tool := range []string{"systemd-nspawn", "nsenter", "setpriv", "unshare", "useradd", "groupadd"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("booting a container needs %s", tool)
		}
	}
	for _, name := range []string{"vaultd", "vaultctl"} {
		rig.Program(t, name) // building them on a machine that is busy has taken longer than the bound
	}
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	t.Cleanup(cancel)
	sweep(t)
	dir, err := os.MkdirTemp("", fmt.Sprintf("vaultd-boot-%d-", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, ctx: ctx, dir: dir, console: &console{}}
	t.Cleanup(func() {
		if t.Failed() && m.init != 0 {
			t.Logf("the journal:\n%s", m.journal())
		}
		m.kill()
		// Nothing is mounted there but in the container's own namespace,
		// which is gone with it.
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the console:\n%s", m.console)
		}
	})
	for _, sub := range []string{"upper", "work", "merged", "tpm"} {
		m.mkdir(filepath.Join(dir, sub))
	}
	// What this machine starts at boot, and vaults that it may have, are not the
	// container's.
	for _, own := range []string{
		"/etc/systemd/system/multi-user.target.wants", "/etc/systemd/system/sockets.target.wants",
		"/etc/systemd/system/timers.target.wants", "/etc/systemd/system/sysinit.target.wants",
		"/etc/vaultd", "/var/lib/vaultd", "/var/lib/vaultd-anchor", "/var/log/vaultd", "/root/.local",
	} {
		m.mkdir(m.path(own))
		if err := unix.Setxattr(m.path(own), "trusted.overlay.opaque", []byte("y"), 0); err != nil {
			t.Skipf("no overlay can be made here: %v", err)
		}
	}
	m.mkdir(m.path("/root"), 0o700)
	return m
}

// sweep removes what tests that were killed have left. Their containers died with
// them, and the mounts with these.
func sweep(t *testing.T) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "vaultd-boot-*-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range left {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), "vaultd-boot-"), "-")
		if _, err := os.Stat("/proc/" + pid); errors.Is(err, os.ErrNotExist) {
			if err := os.RemoveAll(dir); err != nil {
				t.Log(err)
			}
		}
	}
}

// path is where a file of the container is while the container is off.
func (m *machine) path(parts ...string) string {
	return filepath.Join(append([]string{m.dir, "upper"}, parts...)...)
}

// mkdir makes a directory and what is missing above it, readable for all.
func (m *machine) mkdir(dir string, mode ...os.FileMode) {
	m.t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		m.t.Fatal(err)
	}
	if len(mode) > 0 {
		if err := os.Chmod(dir, mode[0]); err != nil {
			m.t.Fatal(err)
		}
	}
}

// install copies a file of this machine into the container that is off.
func (m *machine) install(from, to string, mode os.FileMode) {
	m.t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		m.t.Fatal(err)
	}
	m.mkdir(filepath.Dir(m.path(to)))
	if err := errors.Join(os.WriteFile(m.path(to), b, mode), os.Chmod(m.path(to), mode)); err != nil {
		m.t.Fatal(err)
	}
}

// start is how nspawn is run: with processes and mounts in namespaces of their
// own, which end when it does, and it with the test, so that nothing is left
// behind however that ends. nspawn keeps its own
// directory in /run, which is another one here; without the filter it would keep
// the container from locking memory.
const start = `set -e
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/merged"
exec systemd-nspawn -D "$1/merged" --boot --register=no --keep-unit --machine="vaultd-boot-$2" \
	--bind="$1/tpm:/var/lib/vdtpm" --private-network --console=interactive --kill-signal=SIGRTMIN+3 --setenv=SYSTEMD_COLORS=0 \
	--system-call-filter='@memlock memfd_secret @keyring bpf' -- systemd.unit=multi-user.target
`

// boot turns the machine on and waits until everything has started.
func (m *machine) boot() {
	m.t.Helper()
	begun := time.Now()
	m.nspawn = exec.Command("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc",
		"/bin/sh", "-c", start, "sh", m.dir, strconv.Itoa(os.Getpid()))
	m.nspawn.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	terminal, err := pty.Start(m.nspawn) // without one there is no console
	if err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan struct{})
	m.ended = ended
	go func() {
		_, _ = io.Copy(m.console, terminal) // ends in an error when the other side closes
		_ = m.nspawn.Wait()
		_ = terminal.Close()
		close(ended)
	}()
	m.until("systemd runs", func() bool { m.init = m.systemd(); return m.init != 0 })
	m.until("the system is up", func() bool {
		out, _ := m.try(as{}, "", "systemctl", "is-system-running")
		return out == "running\n" || out == "degraded\n"
	})
	m.t.Logf("booted in %v", time.Since(begun).Round(10*time.Millisecond))
}

// systemd is process 1 of the container, 0 for none yet: unshare's child is
// nspawn, and nspawn's child is systemd.
func (m *machine) systemd() int {
	for _, nspawn := range children(m.nspawn.Process.Pid) {
		for _, child := range children(nspawn) {
			if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", child)); err == nil && string(comm) == "systemd\n" {
				return child
			}
		}
	}
	return 0
}

func children(pid int) []int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	if err != nil {
		return nil
	}
	var list []int
	for _, child := range strings.Fields(string(b)) {
		if n, err := strconv.Atoi(child); err == nil {
			list = append(list, n)
		}
	}
	return list
}

// reboot has the container go down in order, and boots it again.
func (m *machine) reboot() {
	m.t.Helper()
	m.goDown()
	m.boot()
}

func (m *machine) goDown() {
	m.t.Helper()
	_, _ = m.try(as{}, "", "systemctl", "reboot")
	m.until("the system is down", func() bool {
		select {
		case <-m.ended:
			return true
		default:
			return false
		}
	})
}

// kill turns the machine off at once.
func (m *machine) kill() {
	if m.nspawn == nil {
		return
	}
	select {
	case <-m.ended:
		return
	default:
	}
	_ = m.nspawn.Process.Kill()
	<-m.ended
}

// until waits for something to become so.
func (m *machine) until(what string, so func() bool) {
	m.t.Helper()
	for !so() {
		select {
		case <-m.ctx.Done():
			m.t.Fatalf("not in time: %s", what)
		case <-m.ended:
			if !so() {
				m.t.Fatalf("the container ended before this: %s", what)
			}
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// as is who runs a command in the container: root, or a user who has logged in.
type as struct {
	user    string
	runtime string // XDG_RUNTIME_DIR
}

// command is a command in the container. It ends with the container.
func (m *machine) command(who as, name string, args ...string) *exec.Cmd {
	enter := []string{"-t", strconv.Itoa(m.init), "-a", "--"}
	home := "/root"
	if who.user != "" {
		home = "/home/" + who.user
		enter = append(enter, "setpriv", "--reuid", who.user, "--regid", who.user, "--init-groups", "--")
	}
	cmd := exec.CommandContext(m.ctx, "nsenter", append(append(enter, name), args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + home, "LANG=C.UTF-8", "NO_COLOR=1", "SYSTEMD_PAGER="}
	if who.runtime != "" {
		cmd.Env = append(cmd.Env, "XDG_RUNTIME_DIR="+who.runtime)
	}
	cmd.WaitDelay = time.Second
	return cmd
}

// try runs a command in the container and returns what it wrote to standard
// output; the error has the rest.
func (m *machine) try(who as, input, name string, args ...string) (string, error) {
	cmd := m.command(who, name, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%w: %s", err, bytes.TrimSpace(errs.Bytes()))
	}
	return out.String(), nil
}

// must is try for what has to work.
func (m *machine) must(who as, input, name string, args ...string) string {
	m.t.Helper()
	out, err := m.try(who, input, name, args...)
	if err != nil {
		m.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// journal is what the units said lately.
func (m *machine) journal() string {
	journal, err := m.try(as{}, "", "journalctl", "-u", "vaultd.service", "-u", "vaultd.socket", "-u", "vdjob.service", "-n", "60", "-o", "cat")
	if err != nil {
		return err.Error()
	}
	return journal
}

// refused is try for what has to fail, and say this.
func (m *machine) refused(who as, want, name string, args ...string) {
	m.t.Helper()
	out, err := m.try(who, "x", name, args...)
	if err == nil || !strings.Contains(err.Error()+out, want) {
		m.t.Errorf("%s %s as %q: %v, want %q\n%s", name, strings.Join(args, " "), who.user, err, want, out)
	}
}

// show is a property of the service.
func (m *machine) show(property string) string {
	m.t.Helper()
	return strings.TrimSpace(m.must(as{}, "", "systemctl", "show", "--value", "-p", property, "vaultd.service"))
}

// console keeps the last of what the container writes to its terminal.
type console struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.b.Len() > 64<<10 {
		c.b.Next(c.b.Len() / 2)
	}
	return c.b.Write(p)
}

func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.b.String()
}
