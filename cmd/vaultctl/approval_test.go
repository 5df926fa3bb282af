//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// credential is of an account that is there, in one more group.
func credential(t *testing.T, name string, groups ...uint32) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Skipf("this machine has no account %s to be somebody else: %v", name, err)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: groups}
}

// shared is a daemon for several users, whose administrators are in the group
// adm, and returns the environment of its callers.
func shared(t *testing.T) (env []string, adm uint32) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become other users")
	}
	g, err := user.LookupGroup("adm")
	if err != nil {
		t.Skipf("this machine has no group adm for administrators: %v", err)
	}
	gid, _ := strconv.ParseUint(g.Gid, 10, 32)
	env = machine(t)
	run, dir := strings.TrimPrefix(env[1], "XDG_RUNTIME_DIR="), t.TempDir()
	if err := os.Chmod(run, 0o755); err != nil {
		t.Fatal(err)
	}
	socket, config := filepath.Join(run, "vaultd", "vaultd.sock"), filepath.Join(dir, "vaultd.toml")
	text := fmt.Sprintf("[socket]\npath = %q\nmode = \"0666\"\n[store]\ndir = %q\nanchor = %q\n[access]\nadmin_groups = [\"adm\"]\npolicy_dir = \"\"\n"+
		"[audit]\ndirectory = %q\n", socket, filepath.Join(dir, "store"), filepath.Join(dir, "anchor", "anchor"), filepath.Join(dir, "audit"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command(filepath.Join(programs, "vaultd"), "--config", config)
	daemon.Env = env
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = daemon.Process.Kill(); _ = daemon.Wait() })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the daemon does not listen")
		}
	}
	return append(env, "VAULTD_SOCKET="+socket), uint32(gid)
}

// On a terminal a command waits for the second administrator, who sees there
// what it approves.
func TestApprovalOnTerminals(t *testing.T) {
	env, adm := shared(t)
	s := onTerminal(t, env, "init", "--iterations", "600000")
	s.secret("Password: ", "correct horse")
	s.secret("Password again: ", "correct horse")
	s.ends(0)
	onTerminal(t, env, "key", "create", "bin/k", "--type", "ed25519", "--exportable").ends(0)
	onTerminal(t, env, "grant", "add", "--any-user", "--verbs", "export", "--keys", "*/*", "--deny", "--four-eyes").ends(0)
	bin, games := credential(t, "bin"), credential(t, "games", adm)

	const waiting = "Waiting for a second administrator: vaultctl approval approve "
	s = onTerminalOf(t, bin, env, "key", "export", "k")
	s.secret("Passphrase: ", "a passphrase")
	s.secret("Passphrase again: ", "a passphrase")
	s.expect(waiting)
	s.expect("Waiting for approval (")
	s.typed("\x03")
	s.expect("interrupted")
	s.ends(130)

	s = onTerminalOf(t, bin, env, "key", "export", "k")
	s.secret("Passphrase: ", "a passphrase") // another one would do: it is no part of the request
	s.secret("Passphrase again: ", "a passphrase")
	s.expect(waiting)
	s.expect("\n")
	_, after, _ := strings.Cut(s.all(), waiting)
	id := after[:16]

	second := onTerminalOf(t, games, env, "approval", "approve", id)
	second.expect("bin (")
	second.expect("asks for key.export on bin/k.")
	second.expect(`"version":1`)
	second.expect("Type approve to go on: ")
	second.typed("yes\n")
	second.expect("nothing was done")
	second.ends(2)
	second = onTerminalOf(t, games, env, "approval", "approve", id)
	second.expect("Type approve to go on: ")
	second.typed("approve\n")
	second.expect("approved")
	second.ends(0)

	s.expect("BEGIN ENCRYPTED PRIVATE KEY")
	s.ends(0)
	if strings.Contains(s.all()+second.all(), "a passphrase") {
		t.Error("the passphrase was shown")
	}

	// Quiet, or for a program, it fails at once even here.
	for _, flag := range []string{"-q", "-ojson"} {
		s = onTerminalOf(t, bin, env, "key", "export", "k", "--format", "pkcs8", flag)
		s.expect("a second administrator has to approve this")
		s.ends(4)
	}
}
