//go:build unix

package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
)

// Password is what vaults of tests open with.
const Password = "correct horse battery staple"

// Deadline bounds everything that a daemon has to answer.
const Deadline = 2 * time.Minute

// Home is where one vault lives: its store and anchor, and apart from them the
// socket, configuration and logs, which survive what happens to the store.
type Home struct {
	Store  string // store directory
	Anchor string // anchor file
	Run    string // directory of socket, configuration and HOME
	Config string // further lines for the configuration file, of its section store first

	User *syscall.Credential // who the daemon runs as, nil is the test's own user
}

// NewHome puts a vault below dir, which may be a mount of its own.
func NewHome(t testing.TB, dir string) Home {
	t.Helper()
	run, err := os.MkdirTemp("", "vaultd-run-") // short, for the socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(run); err != nil {
			t.Error(err)
		}
	})
	return Home{Store: filepath.Join(dir, "store"), Anchor: filepath.Join(dir, "anchor", "anchor"), Run: run}
}

// Audit is the directory of the audit log.
func (h Home) Audit() string { return filepath.Join(h.Run, "audit") }

// Socket is where the daemon listens.
func (h Home) Socket() string { return filepath.Join(h.Run, "s", "vaultd.sock") }

// WriteConfig writes the configuration file and returns its path.
func (h Home) WriteConfig() (string, error) {
	path := filepath.Join(h.Run, "vaultd.toml")
	text := fmt.Sprintf("[socket]\npath = %q\nmode = \"0666\"\n[audit]\nenabled = true\ndirectory = %q\n[store]\ndir = %q\nanchor = %q\n%s",
		h.Socket(), h.Audit(), h.Store, h.Anchor, h.Config)
	return path, os.WriteFile(path, []byte(text), 0o644)
}

// Env is the environment of programs that use this vault.
func (h Home) Env() []string {
	env := []string{"HOME=" + h.Run, "VAULTD_SOCKET=" + h.Socket(), "LANG=C.UTF-8", "NO_COLOR=1"}
	for _, name := range []string{"PATH", "TMPDIR", "GOCOVERDIR", "GOTRACEBACK", "DBUS_SYSTEM_BUS_ADDRESS"} {
		if v := os.Getenv(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// Daemon is a vaultd that runs.
type Daemon struct {
	Home    Home
	Process *exec.Cmd

	log   *syncBuffer
	ended chan struct{} // closed when the process is gone
	exit  error         // then: how it ended

	Client *client.Client // of the test's own user
}

// Start starts a daemon and waits until it answers. A daemon that ends or
// hangs instead is an error with its log.
func Start(t testing.TB, h Home) (*Daemon, error) {
	t.Helper()
	program := Program(t, "vaultd")
	config, err := h.WriteConfig()
	if err != nil {
		return nil, err
	}
	d := &Daemon{Home: h, log: &syncBuffer{}, ended: make(chan struct{})}
	d.Process = exec.Command(program, "--config", config)
	d.Process.Env = h.Env()
	d.Process.Dir = h.Run
	d.Process.Stdout, d.Process.Stderr = d.log, d.log
	d.Process.SysProcAttr = &syscall.SysProcAttr{Credential: h.User, Setpgid: true}
	dieWithTest(d.Process.SysProcAttr)
	started := make(chan error)
	go func() {
		// The program ends with the thread that starts it, see dieWithTest. This
		// one is kept until then, as others end with who has become another user.
		runtime.LockOSThread()
		err := d.Process.Start()
		started <- err
		if err == nil {
			d.exit = d.Process.Wait()
			close(d.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	t.Cleanup(d.Kill)
	if err := d.waitReady(); err != nil {
		d.dumpAndKill()
		return nil, fmt.Errorf("%w; its log:\n%s", err, d.Log())
	}
	return d, nil
}

// MustStart is Start for a test that can't go on without.
func MustStart(t testing.TB, h Home) *Daemon {
	t.Helper()
	d, err := Start(t, h)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *Daemon) waitReady() error {
	deadline := time.Now().Add(Deadline)
	for wait := time.Millisecond; time.Now().Before(deadline); wait = min(2*wait, 50*time.Millisecond) {
		select {
		case <-d.ended:
			return fmt.Errorf("vaultd ended at its start: %w", d.exitError())
		case <-time.After(wait):
		}
		if _, err := os.Stat(d.Home.Socket()); err != nil {
			continue
		}
		ctx, cancel := context.WithDeadline(context.Background(), deadline)
		c, err := client.Dial(ctx, client.WithSocket(d.Home.Socket()))
		if err == nil {
			if _, err = c.Status(ctx, &vaultdv1.StatusRequest{}); err == nil {
				d.Client = c
			} else {
				_ = c.Close() // nothing was sent that matters
			}
		}
		cancel()
		if err == nil {
			return nil
		}
	}
	return errors.New("vaultd did not answer at its start")
}

func (d *Daemon) exitError() error {
	if d.exit == nil {
		return errors.New("exit status 0")
	}
	return d.exit
}

// Log is what the daemon printed so far.
func (d *Daemon) Log() string { return d.log.String() }

// Panicked reports whether the log holds a Go crash or a fatal error.
func (d *Daemon) Panicked() bool {
	log := d.Log()
	for _, s := range []string{"\ngoroutine ", "panic: ", "fatal error: ", "SIGBUS", "SIGSEGV"} {
		if strings.Contains(log, s) {
			return true
		}
	}
	return false
}

// Running reports whether the process is still there.
func (d *Daemon) Running() bool {
	select {
	case <-d.ended:
		return false
	default:
		return true
	}
}

// Kill ends the process at once.
func (d *Daemon) Kill() {
	_ = d.Process.Process.Kill() // it may be gone already
	<-d.ended
	d.hangUp()
}

// dumpAndKill makes a process that hangs say where.
func (d *Daemon) dumpAndKill() {
	_ = d.Process.Process.Signal(syscall.SIGQUIT)
	select {
	case <-d.ended:
	case <-time.After(5 * time.Second):
	}
	d.Kill()
}

// Stop ends the process gently; an unclean end, or none in time, is an error.
func (d *Daemon) Stop() error {
	if err := d.Process.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop: %w (%w)", err, d.exitError())
	}
	select {
	case <-d.ended:
	case <-time.After(Deadline):
		d.dumpAndKill()
		return fmt.Errorf("vaultd did not stop; its log:\n%s", d.Log())
	}
	d.hangUp()
	if d.exit != nil {
		return fmt.Errorf("vaultd stopped with %w; its log:\n%s", d.exit, d.Log())
	}
	return nil
}

func (d *Daemon) hangUp() {
	if d.Client != nil {
		_ = d.Client.Close() // its peer is gone
	}
}

// Init makes the vault; it is unsealed afterwards.
func (d *Daemon) Init(t testing.TB) {
	t.Helper()
	_, err := d.Client.Init(Context(t), &vaultdv1.InitRequest{Password: []byte(Password), Iterations: 600_000})
	if err != nil {
		t.Fatalf("init: %v; the daemon's log:\n%s", err, d.Log())
	}
}

// Unseal opens the vault with a password.
func (d *Daemon) Unseal(ctx context.Context, password string) error {
	_, err := d.Client.Unseal(ctx, &vaultdv1.UnsealRequest{Password: []byte(password)})
	return err
}

// Context ends with the test, or before a hanging daemon makes it hang.
func Context(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Deadline)
	t.Cleanup(cancel)
	return ctx
}

// syncBuffer keeps the last megabyte or so of what a process prints.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

var _ io.Writer = (*syncBuffer)(nil)

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.b.Len() > 1<<20 {
		s.b.Next(s.b.Len() / 2)
	}
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
