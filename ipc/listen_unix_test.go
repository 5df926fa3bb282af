//go:build unix

package ipc

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "listen")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestListenSetsPermissions(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	for _, test := range []struct{ mode, socket, dir fs.FileMode }{
		{0, 0o600, 0o700},
		{0o600, 0o600, 0o700},
		{0o660, 0o660, 0o755},
		{0o666, 0o666, 0o755},
	} {
		path := filepath.Join(socketDir(t), "made", "run", "s")
		l, err := Listen(path, test.mode, "")
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]fs.FileMode{path: test.socket, filepath.Dir(path): test.dir} {
			info, err := os.Stat(name)
			if err != nil || info.Mode().Perm() != want {
				t.Errorf("mode %o: %s is %v (%v), want %o", test.mode, name, info.Mode(), err, want)
			}
		}
		_ = l.Close()
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Error("the socket file stays after Close")
		}
	}
}

func TestListenGivesTheSocketToAGroup(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	path := filepath.Join(socketDir(t), "s")
	l, err := Listen(path, 0o660, "4242")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := os.Stat(path)
	if err != nil || info.Sys().(*syscall.Stat_t).Gid != 4242 {
		t.Errorf("%+v, %v", info.Sys(), err)
	}
	if _, err := Listen(filepath.Join(socketDir(t), "s"), 0o660, "no such group"); err == nil {
		t.Error("an unknown group is fine")
	}
}

func TestListenLeavesALiveSocketAlone(t *testing.T) {
	path := filepath.Join(socketDir(t), "s")
	l, err := Listen(path, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Listen(path, 0, ""); !errors.Is(err, ErrInUse) {
		t.Errorf("while locked: %v", err)
	}
	// A daemon whose lock file somebody removed still answers.
	if err := os.Remove(path + ".lock"); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, 0, ""); !errors.Is(err, ErrInUse) {
		t.Errorf("while it answers: %v", err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal("the live daemon lost its socket:", err)
	}
	_ = c.Close()
}

func TestListenReplacesADeadSocket(t *testing.T) {
	path := filepath.Join(socketDir(t), "s")
	old, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	old.SetUnlinkOnClose(false)
	_ = old.Close()
	l, err := Listen(path, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if c, err := net.Dial("unix", path); err != nil {
		t.Error(err)
	} else {
		_ = c.Close()
	}
}

func TestListenKeepsWhatIsNoSocket(t *testing.T) {
	path := filepath.Join(socketDir(t), "s")
	if err := os.WriteFile(path, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, 0, ""); err == nil {
		t.Fatal("a file was replaced")
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestClosedListenerLeavesItsSuccessorsSocket(t *testing.T) {
	path := filepath.Join(socketDir(t), "s")
	l, err := Listen(path, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_ = l.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Error("Close removed a socket that is not its own")
	}
}

func TestListenRefusesADirectoryThatOthersWrite(t *testing.T) {
	dir := filepath.Join(socketDir(t), "open")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(filepath.Join(dir, "s"), 0, ""); err == nil {
		t.Error("anybody could replace this socket")
	}
	if os.Geteuid() == 0 {
		if err := errors.Join(os.Chmod(dir, 0o755), os.Chown(dir, 4242, 4242)); err != nil {
			t.Fatal(err)
		}
		if _, err := Listen(filepath.Join(dir, "s"), 0, ""); err == nil {
			t.Error("another user could replace this socket")
		}
	}
}

func TestListenRefusesALongPath(t *testing.T) {
	_, err := Listen(filepath.Join(socketDir(t), strings.Repeat("x", 120)), 0, "")
	if err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("got %v", err)
	}
}

const listenHelper = "VAULTD_LISTEN_HELPER"

// TestKilledDaemonLeavesNothingInTheWay kills a process that listens and
// listens in its place.
func TestKilledDaemonLeavesNothingInTheWay(t *testing.T) {
	if path := os.Getenv(listenHelper); path != "" {
		if _, err := Listen(path, 0, ""); err != nil {
			os.Exit(1)
		}
		_, _ = os.Stdout.WriteString("listening\n")
		select {}
	}
	path := filepath.Join(socketDir(t), "s")
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledDaemonLeavesNothingInTheWay$")
	cmd.Env = append(os.Environ(), listenHelper+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var line [10]byte
	if _, err := out.Read(line[:]); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path, 0, ""); !errors.Is(err, ErrInUse) {
		t.Errorf("while it lives: %v", err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	l, err := Listen(path, 0, "")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}
