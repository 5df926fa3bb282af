//go:build unix

package main

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The daemon under test is this test binary in the part of vaultd.
const roleVar = "VAULTD_TEST_IS_VAULTD"

func TestMain(m *testing.M) {
	if os.Getenv(roleVar) != "" {
		main()
	}
	os.Exit(m.Run())
}

// place is where one daemon lives.
type place struct{ dir, store, socket string }

func newPlace(t *testing.T) place {
	t.Helper()
	// Not t.TempDir, whose path may be too long for a socket.
	dir, err := os.MkdirTemp("", "vaultd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return place{dir, filepath.Join(dir, "store"), filepath.Join(dir, "run", "s")}
}

func (p place) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], append([]string{"--user", "--store", p.store, "--socket", p.socket}, args...)...)
	cmd.Env = []string{roleVar + "=1", "HOME=" + p.dir, "PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0"}
	return cmd
}

// run runs vaultd to its end and returns exit status and standard error.
func (p place) run(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	cmd := p.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	timer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// daemon is a running vaultd.
type daemon struct {
	place
	cmd    *exec.Cmd
	notify *net.UnixConn
	ready  string // what it said when it was ready
	log    *logBuffer
	once   sync.Once
	err    error
}

type logBuffer struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs a daemon and waits until it says that it is ready, as a service
// manager would.
func (p place) start(t *testing.T, args ...string) *daemon {
	t.Helper()
	return p.startAs(t, p.command(args...))
}

// startAs is start with a command that the caller has made.
func (p place) startAs(t *testing.T, cmd *exec.Cmd) *daemon {
	t.Helper()
	address := filepath.Join(p.dir, "notify")
	_ = os.Remove(address)
	n, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{place: p, cmd: cmd, notify: n, log: &logBuffer{}}
	d.cmd.Env = append(d.cmd.Env, "NOTIFY_SOCKET="+address)
	d.cmd.Stderr = d.log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		_ = d.wait()
		_ = n.Close()
		if t.Failed() {
			t.Logf("the daemon's log:\n%s", d.log)
		}
	})
	d.ready = d.expect(t, "READY=1")
	return d
}

// expect waits until the daemon says this line to its service manager, and
// returns all that it said with it. That it stops is never passed over.
func (d *daemon) expect(t *testing.T, want string) string {
	t.Helper()
	b := make([]byte, 256)
	_ = d.notify.SetReadDeadline(time.Now().Add(time.Minute))
	for {
		n, err := d.notify.Read(b)
		said := string(b[:n])
		lines := strings.Split(strings.TrimSpace(said), "\n")
		switch {
		case err == nil && slices.Contains(lines, want):
			return said
		case err != nil || slices.Contains(lines, "STOPPING=1"):
			t.Fatalf("the daemon says %q (%v), want %q\n%s", said, err, want, d.log)
		}
	}
}

func (d *daemon) wait() error {
	d.once.Do(func() { d.err = d.cmd.Wait() })
	return d.err
}

// stop asks for an orderly end and checks that it was one.
func (d *daemon) stop(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "STOPPING=1")
	if err := d.wait(); err != nil {
		t.Fatalf("after %v: %v\n%s", s, err, d.log)
	}
	if _, err := os.Lstat(d.socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

// eventually waits for a line in the log.
func (d *daemon) eventually(t *testing.T, want string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !strings.Contains(d.log.String(), want); {
		if time.Now().After(end) {
			t.Fatalf("no %q in the log:\n%s", want, d.log)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
