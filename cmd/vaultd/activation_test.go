//go:build unix

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vaultd/vaultd/vault/fault"
)

// activated is the command of a daemon that is handed sockets under these names,
// as a service manager does: from descriptor 3 on, for this process alone.
func (p place) activated(t *testing.T, names string, sockets ...*os.File) *exec.Cmd {
	t.Helper()
	plain := p.command()
	script := `LISTEN_PID=$$ exec "$0" "$@"`
	cmd := exec.Command("/bin/sh", append([]string{"-c", script, plain.Path}, plain.Args[1:]...)...)
	count := string(rune('0' + len(sockets)))
	cmd.Env = append(plain.Env, "LISTEN_FDS="+count, "LISTEN_FDNAMES="+names)
	cmd.ExtraFiles = sockets
	return cmd
}

// keep listens at path as a service manager does, and closes the socket with the test.
func keep(t *testing.T, path string) *os.File {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	defer l.Close()
	f, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	return f
}

// The socket outlives the daemon: a client that comes between two daemons waits,
// and is answered.
func TestActivatedSocketOutlivesTheDaemon(t *testing.T) {
	p := newPlace(t)
	f := keep(t, p.socket)
	before, err := os.Lstat(p.socket)
	if err != nil {
		t.Fatal(err)
	}
	d := p.startAs(t, p.activated(t, "api", f))
	d.init(t)
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "STOPPING=1")
	if err := d.wait(); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", p.socket)
	if err != nil {
		t.Fatalf("between two daemons: %v", err)
	}
	defer c.Close()
	answer := make(chan error, 1)
	go func() {
		_, err := c.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
		if err == nil {
			_, err = c.Read(make([]byte, 12))
		}
		answer <- err
	}()
	d = p.startAs(t, p.activated(t, "api", f))
	if err := <-answer; err != nil {
		t.Errorf("a client that came between two daemons: %v", err)
	}
	if !d.sealed(t) {
		t.Error("not sealed after a restart")
	}
	if after, err := os.Lstat(p.socket); err != nil || !os.SameFile(before, after) {
		t.Errorf("the socket was replaced: %v", err)
	}
	if _, err := os.Lstat(p.socket + ".lock"); err == nil {
		t.Error("a lock was made beside a socket that is not ours")
	}
}

func TestActivationRefusesWhatItDoesNotKnow(t *testing.T) {
	p := newPlace(t)
	mine, other := keep(t, p.socket), keep(t, p.socket+"2")
	for name, c := range map[string]struct {
		names   string
		sockets []*os.File
		want    string
	}{
		"another name": {"ssh", []*os.File{mine}, "FileDescriptorName=api"},
		"no name":      {"", []*os.File{mine}, "FileDescriptorName=api"},
		"two":          {"api:ssh", []*os.File{mine, other}, "FileDescriptorName=api"},
		"another path": {"api", []*os.File{other}, "is bound to"},
	} {
		out, err := p.activated(t, c.names, c.sockets...).CombinedOutput()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != int(fault.ClassUsage) || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// Variables that were meant for another process, such as the daemon's parent,
// say nothing.
func TestActivationOfAnotherProcess(t *testing.T) {
	p := newPlace(t)
	cmd := p.command()
	cmd.Env = append(cmd.Env, "LISTEN_PID=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=api")
	p.startAs(t, cmd).stop(t, syscall.SIGTERM) // with a socket of its own, which it removes
}

func TestActivationVariablesAreRemoved(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	t.Setenv("LISTEN_FDNAMES", "api")
	if handed := handedOver(); len(handed) != 0 {
		t.Errorf("took %d sockets of another process", len(handed))
	}
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		if _, set := os.LookupEnv(name); set {
			t.Errorf("%s is left", name)
		}
	}
}
