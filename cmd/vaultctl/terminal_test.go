//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// session is a vaultctl that runs on a terminal of its own.
type session struct {
	t    *testing.T
	cmd  *exec.Cmd
	tty  *os.File // the user's end
	mine *os.File // the program's end, kept open to ask for its settings

	mu   sync.Mutex // guards what follows
	seen bytes.Buffer
	from int // what expect has gone past
}

// machine is a home with a daemon of its own, and returns its environment.
func machine(t testing.TB) []string {
	t.Helper()
	run, err := os.MkdirTemp("", "vc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stopDaemons(run, syscall.SIGKILL)
		os.RemoveAll(run)
	})
	return []string{"HOME=" + t.TempDir(), "XDG_RUNTIME_DIR=" + run, "PATH=" + programs + ":" + os.Getenv("PATH"), "TERM=xterm", "TZ=UTC"}
}

func onTerminal(t *testing.T, env []string, args ...string) *session {
	t.Helper()
	return onTerminalOf(t, nil, env, args...)
}

// onTerminalOf is onTerminal for another user, or for nil the test's own.
func onTerminalOf(t *testing.T, who *syscall.Credential, env []string, args ...string) *session {
	t.Helper()
	tty, mine, err := pty.Open()
	if err != nil {
		t.Skipf("no terminal can be made here: %v", err)
	}
	s := &session{t: t, tty: tty, mine: mine, cmd: exec.Command(filepath.Join(programs, "vaultctl"), args...)}
	s.cmd.Env = env
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = mine, mine, mine
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Credential: who}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		tty.Close()
		mine.Close()
	})
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := tty.Read(buf)
			s.mu.Lock()
			s.seen.Write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

// expect waits until the program has written text since the last expect.
func (s *session) expect(text string) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		s.mu.Lock()
		i := bytes.Index(s.seen.Bytes()[s.from:], []byte(text))
		if i >= 0 {
			s.from += i + len(text)
		}
		s.mu.Unlock()
		if i >= 0 {
			return
		}
	}
	s.t.Fatalf("%q did not come, but:\n%s", text, s.all())
}

// secret waits for a prompt and for the echo to be off, and types.
func (s *session) secret(prompt, text string) {
	s.t.Helper()
	s.expect(prompt)
	s.awaitEcho(false)
	s.typed(text + "\n")
}

func (s *session) typed(text string) {
	s.t.Helper()
	if _, err := s.tty.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

func (s *session) echo() bool {
	s.t.Helper()
	settings, err := unix.IoctlGetTermios(int(s.mine.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return settings.Lflag&unix.ECHO != 0
}

func (s *session) awaitEcho(on bool) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); s.echo() != on; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("the echo did not become %v", on)
		}
	}
}

// awaitSleep waits until the program has been idle for a moment, as it is when
// it waits for the user.
func (s *session) awaitSleep() {
	s.t.Helper()
	used := func() string {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", s.cmd.Process.Pid))
		if err != nil {
			s.t.Fatal(err)
		}
		return string(stat)
	}
	before := used()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
		now := used()
		if now == before {
			return
		}
		before = now
	}
	s.t.Fatal("the program does not come to rest")
}

// ends waits for the program and checks its exit status, and that the terminal
// is as it was.
func (s *session) ends(status int) {
	s.t.Helper()
	err := s.cmd.Wait()
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	}
	if got != status {
		s.t.Errorf("exit status %d, want %d:\n%s", got, status, s.all())
	}
	if !s.echo() {
		s.t.Error("the terminal is left without echo")
	}
}

func (s *session) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.String()
}

func TestPasswordPrompts(t *testing.T) {
	env := machine(t)
	s := onTerminal(t, env, "init", "--iterations", "600000")
	s.secret("Password: ", "correct horse")
	s.secret("Password again: ", "correct house")
	s.expect("the two are not the same")
	s.ends(2)

	s = onTerminal(t, env, "init", "--iterations", "600000")
	s.secret("Password: ", "correct horse")
	s.secret("Password again: ", "correct horse")
	s.expect("created and unsealed")
	s.ends(0)
	if strings.Contains(s.all(), "horse") {
		t.Errorf("the password was shown:\n%s", s.all())
	}

	s = onTerminal(t, env, "password", "change", "--iterations", "600000")
	s.secret("Old password: ", "correct horse")
	s.secret("New password: ", "battery staple")
	s.secret("New password again: ", "battery staple")
	s.expect("The password is changed")
	s.ends(0)

	onTerminal(t, env, "seal").ends(0)
	s = onTerminal(t, env, "unseal")
	s.secret("Password: ", "correct horse")
	s.expect("wrong password")
	s.ends(8)
	s = onTerminal(t, env, "unseal")
	s.secret("Password: ", "")
	s.expect("the password is empty")
	s.ends(2)
	s = onTerminal(t, env, "unseal")
	s.secret("Password: ", "battery staple")
	s.expect("The vault is unsealed")
	s.ends(0)
}

func TestInterruptAtAPromptGivesTheTerminalBack(t *testing.T) {
	env := machine(t)
	s := onTerminal(t, env, "init")
	s.expect("Password: ")
	s.awaitEcho(false)
	s.typed("half a pass\x03")
	s.expect("interrupted")
	s.ends(130)
	s = onTerminal(t, env, "status")
	s.expect("not initialised")
	s.ends(2)
	for _, args := range [][]string{{"encrypt", "data"}, {"init", "--password-file", "-"}} {
		s = onTerminal(t, env, args...)
		s.awaitSleep()
		s.typed("\x03")
		s.ends(130)
	}
}

func TestConfirmationByTypingTheName(t *testing.T) {
	env := machine(t)
	s := onTerminal(t, env, "init", "--iterations", "600000")
	s.secret("Password: ", "correct horse")
	s.secret("Password again: ", "correct horse")
	s.ends(0)
	onTerminal(t, env, "owner", "create", "billing").ends(0)
	onTerminal(t, env, "key", "create", "billing/invoices").ends(0)

	s = onTerminal(t, env, "key", "destroy", "billing/invoices")
	s.expect("can never be read again")
	s.expect("Type billing/invoices to go on: ")
	s.typed("yes\n")
	s.expect("nothing was done")
	s.ends(2)
	s = onTerminal(t, env, "owner", "revoke", "billing")
	s.expect("Type billing to go on: ")
	s.typed("\x03")
	s.ends(130)
	s = onTerminal(t, env, "key", "show", "billing/invoices")
	s.expect("active")
	s.ends(0)
	s = onTerminal(t, env, "key", "destroy", "billing/invoices")
	s.expect("Type billing/invoices to go on: ")
	s.typed("billing/invoices\n")
	s.expect("destroyed")
	s.ends(0)
	s = onTerminal(t, env, "owner", "revoke", "billing")
	s.expect("Type billing to go on: ")
	s.typed("billing\n")
	s.expect("revoked")
	s.ends(0)
}

func TestTerminalOutput(t *testing.T) {
	env := machine(t)
	s := onTerminal(t, env, "init", "--iterations", "600000")
	s.secret("Password: ", "correct horse")
	s.secret("Password again: ", "correct horse")
	s.ends(0)
	onTerminal(t, env, "key", "create", "data").ends(0)

	// Binary bytes come as base64, with a note; the end of input is typed.
	s = onTerminal(t, env, "encrypt", "data", "--binary")
	s.expect("end it with Ctrl-D")
	s.typed("hello\n\x04")
	s.expect("shown in base64")
	s.ends(0)
	for _, c := range []byte(s.all()) {
		if c < 0x20 && c != '\r' && c != '\n' && c != 0x04 && c != 0x08 {
			t.Fatalf("%q reached the terminal:\n%q", c, s.all())
		}
	}

	// An error has a color on a terminal, unless the user wants none.
	s = onTerminal(t, env, "key", "show", "missing")
	s.expect("\x1b[1;31mvaultctl:\x1b[0m")
	s.ends(3)
	s = onTerminal(t, append(env, "NO_COLOR=1"), "key", "show", "missing")
	s.ends(3)
	if strings.Contains(s.all(), "\x1b") {
		t.Errorf("%q", s.all())
	}
}

func TestQuickstartAsksOnATerminal(t *testing.T) {
	env := machine(t)
	s := onTerminal(t, env, "quickstart")
	s.expect("the only way in")
	s.secret("Password: ", "correct horse")
	s.secret("Password again: ", "correct horse")
	s.expect("1. The vault")
	s.expect("refused")
	s.ends(0)
	if strings.Contains(s.all(), "quickstart-password") {
		t.Errorf("a password was written to a file:\n%s", s.all())
	}
}
