//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// programs is where TestMain builds vaultctl and vaultd, side by side as they are installed.
var programs string

func TestMain(m *testing.M) {
	os.Exit(withPrograms(m))
}

func withPrograms(m *testing.M) int {
	dir, err := os.MkdirTemp("", "vaultctl")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/",
		"github.com/vaultd/vaultd/cmd/vaultctl", "github.com/vaultd/vaultd/cmd/vaultd")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the programs: %v\n%s", err, out)
		return 1
	}
	if err := os.Chmod(dir, 0o755); err != nil { // for tests with other users
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	programs = dir
	return m.Run()
}

// TestScripts runs the sessions in testdata/script, each with a home of its own
// and so with a daemon of its own, which the first vaultctl starts.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			run, err := os.MkdirTemp("", "vc") // a socket's path must be short
			if err != nil {
				return err
			}
			env.Defer(func() {
				stopDaemons(run, syscall.SIGKILL)
				_ = os.RemoveAll(run)
			})
			home := filepath.Join(env.WorkDir, "home")
			env.Setenv("HOME", home)
			env.Setenv("XDG_RUNTIME_DIR", run)
			env.Setenv("PATH", programs+":"+os.Getenv("PATH"))
			env.Setenv("SOCKET", filepath.Join(run, "vaultd", "vaultd.sock"))
			env.Setenv("STATE", filepath.Join(home, ".local", "state", "vaultd"))
			env.Setenv("STORE", filepath.Join(home, ".local", "share", "vaultd"))
			env.Setenv("NO_COLOR", "1")
			env.Setenv("TZ", "UTC")
			if err := os.WriteFile(filepath.Join(env.WorkDir, "password"), []byte("correct horse\n"), 0o600); err != nil {
				return err
			}
			return os.Mkdir(home, 0o700)
		},
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("no condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"vaultctl": runVaultctl,
			"exits":    runExits,
			"json":     checkJSON,
			"stopd":    runStop,
			"parallel": runParallel,
			"mode":     checkMode,
		},
	})
}

// runVaultctl is "vaultctl ARGS": the program must succeed, or with ! must not.
func runVaultctl(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(filepath.Join(programs, "vaultctl"), args...)
	if (err != nil) != neg {
		ts.Fatalf("vaultctl %s: %v", strings.Join(args, " "), err)
	}
}

// runExits is "exits STATUS COMMAND ARGS": the command ends with exactly this status.
func runExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND [ARGS]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	program := args[1]
	if program == "vaultctl" {
		program = filepath.Join(programs, "vaultctl")
	}
	err = ts.Exec(program, args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s: exit status %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// checkJSON is "json FILE PATH [VALUE]": the value at a path such as
// error.code or keys.0.name is there, and is VALUE as JSON or as a plain word.
// FILE may be stdout or stderr, which must hold one object and nothing else.
func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: json FILE PATH [VALUE]")
	}
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile(args[0])), &v); err != nil {
		ts.Fatalf("%s is not JSON: %v", args[0], err)
	}
	got, found := at(v, strings.Split(args[1], "."))
	text, isText := got.(string)
	if !isText {
		encoded, err := json.Marshal(got)
		ts.Check(err)
		text = string(encoded)
	}
	if ok := found && (len(args) == 2 || text == args[2]); ok == neg {
		ts.Fatalf("%s: %s is %s", args[0], args[1], text)
	}
}

func at(v any, path []string) (any, bool) {
	for _, step := range path {
		switch held := v.(type) {
		case map[string]any:
			next, ok := held[step]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(held) {
				return nil, false
			}
			v = held[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// runStop is "stopd [TERM|KILL]": it ends the daemon behind the script's socket.
func runStop(ts *testscript.TestScript, neg bool, args []string) {
	sig := syscall.SIGTERM
	if len(args) == 1 && args[0] == "KILL" {
		sig = syscall.SIGKILL
	}
	if n := stopDaemons(ts.Getenv("XDG_RUNTIME_DIR"), sig); (n == 0) != neg {
		ts.Fatalf("stopped %d daemons", n)
	}
}

// stopDaemons ends whatever serves a socket below dir, and waits for it.
func stopDaemons(dir string, sig syscall.Signal) (stopped int) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Type() != fs.ModeSocket {
			return nil
		}
		pid := serverOf(path)
		if pid <= 0 || syscall.Kill(pid, sig) != nil {
			return nil
		}
		stopped++
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && syscall.Kill(pid, 0) == nil; {
			if state, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err != nil || strings.Contains(string(state), ") Z ") {
				break // ended, and waits for a parent that does not ask
			}
			time.Sleep(5 * time.Millisecond)
		}
		// Its last thread takes the socket along, a moment after the first has ended.
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline) && serverOf(path) == pid; {
			time.Sleep(5 * time.Millisecond)
		}
		return nil
	})
	return stopped
}

// serverOf is the process that listens at a socket, as the kernel tells it.
func serverOf(socket string) int {
	c, err := net.Dial("unix", socket)
	if err != nil {
		return 0
	}
	defer c.Close()
	raw, err := c.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid
}

// runParallel is "parallel N COMMAND ARGS": N at once, each ending with the
// same status, which is 0 or with ! is not. The outputs go to stdout.1 and so on.
func runParallel(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: parallel N COMMAND [ARGS]")
	}
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	var wg sync.WaitGroup
	outputs, errs := make([][]byte, n), make([]error, n)
	for i := range n {
		cmd := exec.Command(filepath.Join(programs, args[1]), args[2:]...)
		cmd.Dir = ts.MkAbs(".")
		for _, name := range []string{"HOME", "XDG_RUNTIME_DIR", "PATH", "NO_COLOR", "TZ"} {
			cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
		}
		wg.Go(func() { outputs[i], errs[i] = cmd.CombinedOutput() })
	}
	wg.Wait()
	for i, err := range errs {
		if (err != nil) != neg {
			ts.Fatalf("%d of %d: %v\n%s", i+1, n, err, outputs[i])
		}
		ts.Check(os.WriteFile(ts.MkAbs(fmt.Sprintf("stdout.%d", i+1)), outputs[i], 0o600))
	}
}

// checkMode is "mode PERMISSIONS FILE…".
func checkMode(ts *testscript.TestScript, neg bool, args []string) {
	for _, path := range args[1:] {
		info, err := os.Stat(ts.MkAbs(path))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); (got == args[0]) == neg {
			ts.Fatalf("%s has mode %s", path, got)
		}
	}
}
