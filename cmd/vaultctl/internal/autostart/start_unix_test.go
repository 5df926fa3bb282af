//go:build unix

package autostart

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/vaultd/vaultd/vault/fault"
)

// program puts a shell script into PATH under the name vaultd.
func program(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "vaultd"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func TestStartSaysWhatTheDaemonSaid(t *testing.T) {
	dir, getenv, _ := home(t)
	program(t, "echo 'vaultd: the store is not safe' >&2; exit 10")
	target := Find("", getenv)
	if !target.Startable {
		t.Skip("this machine has a daemon for everybody")
	}
	if err := os.MkdirAll(target.StateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(target.StateDir, "vaultd.log")
	if err := os.WriteFile(log, []byte("vaultd: of an earlier day\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	err := target.Start(context.Background())
	if !errors.Is(err, fault.E(fault.CodeUnreachable, "")) || !strings.Contains(err.Error(), "the store is not safe") {
		t.Errorf("%v", err)
	}
	if took := time.Since(begin); took > bound {
		t.Errorf("waited %v for a daemon that had ended", took)
	}
	if info, err := os.Stat(log); err != nil || info.Mode() != 0o600 {
		t.Errorf("log: %v, %v", info.Mode(), err)
	}
	if entries, err := os.ReadDir(filepath.Join(dir, "run")); err == nil && len(entries) > 0 {
		t.Errorf("left %v behind", entries)
	}
}

func TestALongLogIsPutAside(t *testing.T) {
	_, getenv, _ := home(t)
	program(t, "echo new >&2; exit 1")
	target := Find("", getenv)
	if !target.Startable {
		t.Skip("this machine has a daemon for everybody")
	}
	if err := os.MkdirAll(target.StateDir, 0o700); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(target.StateDir, "vaultd.log")
	if err := os.WriteFile(log, make([]byte, maxLog+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := target.Start(context.Background()); err == nil {
		t.Fatal("started nothing, and no error")
	}
	if b, err := os.ReadFile(log); err != nil || string(b) != "new\n" {
		t.Errorf("%d bytes of log, %v", len(b), err)
	}
	if info, err := os.Stat(log + ".old"); err != nil || info.Size() != maxLog+1 {
		t.Errorf("the old log: %v", err)
	}
}

func TestTheDaemonInheritsNoDescriptors(t *testing.T) {
	_, getenv, _ := home(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	given, err := unix.FcntlInt(w.Fd(), unix.F_DUPFD, 50) // as a shell gives 50>pipe
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(given)
	program(t, fmt.Sprintf("if [ -e /dev/fd/%d ]; then echo open; else echo closed; fi; exit 1", given))
	err = Find("", getenv).Start(context.Background())
	if err == nil || !strings.Contains(err.Error(), "it said: closed") {
		t.Errorf("%v", err)
	}
}

func TestStartWithoutAProgram(t *testing.T) {
	_, getenv, _ := home(t)
	t.Setenv("PATH", t.TempDir())
	if err := Find("", getenv).Start(context.Background()); !errors.Is(err, fault.E(fault.CodeUnreachable, "")) || !strings.Contains(err.Error(), "vaultd") {
		t.Errorf("%v", err)
	}
}

func TestStartCanBeInterrupted(t *testing.T) {
	_, getenv, _ := home(t)
	program(t, "exec sleep 6")
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	if err := Find("", getenv).Start(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestLastLine(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	old := "old\n"
	if _, err := f.WriteString(old + "first\nlast " + strings.Repeat("x", 1000) + "\n\n"); err != nil {
		t.Fatal(err)
	}
	if got := lastLine(f, int64(len(old))); !strings.HasPrefix(got, "last xxx") || len(got) != 400 {
		t.Errorf("%q", got)
	}
	if got := lastLine(f, 1<<20); got != "" {
		t.Errorf("past the end: %q", got)
	}
}
