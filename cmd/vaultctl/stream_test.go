//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// withKey is a machine with a vault and a key named data.
func withKey(t *testing.T) []string {
	t.Helper()
	env := machine(t)
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("correct horse\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"init", "--password-file", password, "--iterations", "600000"},
		{"key", "create", "data"},
	} {
		if out, err := vaultctl(env, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	return env
}

func vaultctl(env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(programs, "vaultctl"), args...)
	cmd.Env = env
	return cmd
}

// streamSize is how much goes through TestStreamsTakeConstantMemory; VAULTD_STREAM_GIB
// makes it gigabytes.
func streamSize(t *testing.T) int64 {
	if s := os.Getenv("VAULTD_STREAM_GIB"); s != "" {
		n, err := strconv.ParseInt(s, 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		return n << 30
	}
	if testing.Short() {
		return 96 << 20
	}
	return 256 << 20
}

// maxMemory is what a program may ever have had resident: far below the stream,
// and well above what Go and the program itself take.
const maxMemory = 64 << 20

func TestStreamsTakeConstantMemory(t *testing.T) {
	env := withKey(t)
	size := streamSize(t)
	encrypt, decrypt := vaultctl(env, "encrypt", "data"), vaultctl(env, "decrypt")
	in, err := encrypt.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if decrypt.Stdin, err = encrypt.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := decrypt.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaints bytes.Buffer
	encrypt.Stderr, decrypt.Stderr = &complaints, &complaints
	for _, cmd := range []*exec.Cmd{decrypt, encrypt} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Process.Kill()
	}
	got := make(chan int64)
	go func() {
		n, _ := io.Copy(io.Discard, out)
		got <- n
	}()
	start := time.Now()
	piece := bytes.Repeat([]byte{'x'}, 1<<20)
	for written := int64(0); written < size; written += int64(len(piece)) {
		if _, err := in.Write(piece); err != nil {
			t.Fatalf("after %d bytes: %v\n%s", written, err, &complaints)
		}
	}
	// Both still run, as the input has not ended.
	for _, cmd := range []*exec.Cmd{encrypt, decrypt} {
		if peak := peakMemory(t, cmd.Process.Pid); peak > maxMemory {
			t.Errorf("%s took %d MiB", cmd.Args[1], peak>>20)
		} else {
			t.Logf("%s took %d MiB", cmd.Args[1], peak>>20)
		}
	}
	in.Close()
	if n := <-got; n != size {
		t.Errorf("%d bytes came out of %d", n, size)
	}
	for _, cmd := range []*exec.Cmd{decrypt, encrypt} {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%s: %v\n%s", cmd.Args[1], err, &complaints)
		}
	}
	t.Logf("%d MiB through both in %v", size>>20, time.Since(start))
}

// peakMemory is the most that a process ever had resident, in bytes.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatalf("no peak in:\n%s", status)
	return 0
}

// fifo is a pipe with a name, held open so that it does not end by itself.
func fifo(t *testing.T, dir string) (path string, end *os.File) {
	t.Helper()
	path = filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	end, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end.Close() })
	return path, end
}

func TestAnInterruptedStreamLeavesNoFile(t *testing.T) {
	env, dir := withKey(t), t.TempDir()
	path, end := fifo(t, dir)
	out := filepath.Join(dir, "out.age")
	cmd := vaultctl(env, "encrypt", "data", "--stream", "--in", path, "--out", out)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	if _, err := end.Write(make([]byte, 1<<20)); err != nil { // most of which it must have taken
		t.Fatal(err)
	}
	begun := func() bool {
		found, err := filepath.Glob(filepath.Join(dir, ".out.age.*"))
		return err == nil && len(found) == 1
	}
	for deadline := time.Now().Add(time.Minute); !begun(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no file is begun")
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 130 {
		t.Errorf("exit status %d", got)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "fifo" {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestAStreamShowsProgressOnATerminal(t *testing.T) {
	env, dir := withKey(t), t.TempDir()
	path, end := fifo(t, dir)
	s := onTerminal(t, env, "encrypt", "data", "--stream", "--in", path, "--out", filepath.Join(dir, "out.age"))
	if _, err := end.Write(make([]byte, 300<<10)); err != nil {
		t.Fatal(err)
	}
	s.expect("Encrypting 300.0 KiB, ")
	s.typed("\x03")
	s.expect("interrupted")
	s.ends(130)

	s = onTerminal(t, env, "encrypt", "data", "--stream", "--in", "/dev/null")
	s.expect("not for a terminal")
	s.ends(2)
}
