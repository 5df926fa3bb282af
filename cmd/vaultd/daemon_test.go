//go:build unix

package main

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

const password = "a password for tests"

func (d *daemon) client(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.Dial(context.Background(), client.WithSocket(d.socket))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (d *daemon) init(t *testing.T) {
	t.Helper()
	if _, err := d.client(t).Init(context.Background(), &vaultdv1.InitRequest{Password: []byte(password), Iterations: 600_000}); err != nil {
		t.Fatal(err)
	}
}

func (d *daemon) sealed(t *testing.T) bool {
	t.Helper()
	s, err := d.client(t).Status(context.Background(), &vaultdv1.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return s.GetSealed()
}

func TestServesStopsAndServesAgain(t *testing.T) {
	p := newPlace(t)
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		d := p.start(t)
		if !d.sealed(t) {
			t.Error("a daemon starts unsealed")
		}
		if s == syscall.SIGTERM {
			d.init(t)
			if d.sealed(t) {
				t.Error("sealed after init")
			}
		}
		d.stop(t, s)
	}
	// And after a death without notice, with the socket left behind.
	d := p.start(t)
	_ = d.cmd.Process.Kill()
	_ = d.wait()
	if _, err := os.Lstat(p.socket); err != nil {
		t.Fatalf("no dead socket to try with: %v", err)
	}
	d = p.start(t)
	if _, err := d.client(t).Unseal(context.Background(), &vaultdv1.UnsealRequest{Password: []byte(password)}); err != nil {
		t.Fatal(err)
	}
	d.stop(t, syscall.SIGTERM)
}

func TestEverythingCreatedIsPrivate(t *testing.T) {
	p := newPlace(t)
	d := p.start(t)
	d.init(t)
	seen := 0
	err := filepath.WalkDir(p.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == filepath.Join(p.dir, "notify") {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		seen++
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || seen < 8 {
		t.Fatalf("%d files seen, %v", seen, err)
	}
	d.stop(t, syscall.SIGTERM)
}

func TestOneDaemonPerStoreAndSocket(t *testing.T) {
	p := newPlace(t)
	d := p.start(t)
	other := place{p.dir, p.store, p.socket + "2"}
	if code, _, errs := other.run(t); code != int(fault.ClassUnavailable) || !strings.Contains(errs, "another vaultd uses the store") {
		t.Errorf("same store: exit %d, %s", code, errs)
	}
	other = place{p.dir, p.store + "2", p.socket}
	if code, _, errs := other.run(t); code != int(fault.ClassUnavailable) || !strings.Contains(errs, "another vaultd is serving") {
		t.Errorf("same socket: exit %d, %s", code, errs)
	}
	if !d.sealed(t) {
		t.Error("the first daemon does not answer any more")
	}
	d.stop(t, syscall.SIGTERM)
}

func TestRefusesWhatOthersCanChange(t *testing.T) {
	p := newPlace(t)
	d := p.start(t)
	d.init(t)
	d.stop(t, syscall.SIGTERM)
	for _, name := range []string{".", "header", "header.backup", "../store.anchor", ".."} {
		path := filepath.Join(p.store, name)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, info.Mode().Perm()|0o022); err != nil {
			t.Fatal(err)
		}
		code, _, errs := p.run(t)
		if code != int(fault.ClassUnavailable) || !strings.Contains(errs, "by others") && !strings.Contains(errs, "by everybody") {
			t.Errorf("%s: exit %d, %s", name, code, errs)
		}
		if err := os.Chmod(path, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	p.start(t).stop(t, syscall.SIGTERM)
}

func TestExitStatusTellsModesOfFilesFromMistakes(t *testing.T) {
	p := newPlace(t)
	file, log := filepath.Join(p.dir, "vaultd.toml"), p.store+".audit"
	if err := os.WriteFile(file, []byte("[audit]\nenabled = true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(log, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		mode os.FileMode
		want fault.Class
	}{
		{log, 0o777, fault.ClassUnavailable},
		{log, 0o750, fault.ClassUnavailable},
		{file, 0o666, fault.ClassUsage},
	} {
		if err := os.Chmod(c.path, c.mode); err != nil {
			t.Fatal(err)
		}
		code, _, errs := p.run(t, "--config", file)
		if code != int(c.want) || !strings.Contains(errs, "run 'chmod go-") {
			t.Errorf("%s with %v: exit %d, %s", c.path, c.mode, code, errs)
		}
		if err := os.Chmod(c.path, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHangupIsLoggedAndSurvived(t *testing.T) {
	d := newPlace(t).start(t)
	if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	d.eventually(t, "SIGHUP")
	d.stop(t, syscall.SIGTERM)
}

func TestLogIsJSONWithoutATerminal(t *testing.T) {
	d := newPlace(t).start(t, "--log-level", "debug")
	d.init(t)
	d.stop(t, syscall.SIGTERM)
	lines := strings.Split(strings.TrimSpace(d.log.String()), "\n")
	for _, l := range lines {
		if !json.Valid([]byte(l)) {
			t.Errorf("not JSON: %s", l)
		}
	}
	if log := d.log.String(); !strings.Contains(log, "process hardened") || strings.Contains(log, password) {
		t.Errorf("log:\n%s", log)
	}
}

// An idle daemon takes less than 40 MiB of memory, sealed or unsealed.
func TestIdleMemory(t *testing.T) {
	if runtime.GOOS != "linux" || raceEnabled {
		t.Skip("needs /proc, and memory as it is without the race detector")
	}
	d := newPlace(t).start(t)
	sealed := d.resident(t)
	d.init(t)
	unsealed := d.resident(t)
	t.Logf("resident: %d KiB sealed, %d KiB unsealed", sealed, unsealed)
	if max(sealed, unsealed) >= 40<<10 {
		t.Errorf("resident: %d KiB sealed, %d KiB unsealed; the limit is 40 MiB", sealed, unsealed)
	}
	d.stop(t, syscall.SIGTERM)
}

func (d *daemon) resident(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(d.cmd.Process.Pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no VmRSS in:\n%s", status)
	return 0
}

func TestCommandLine(t *testing.T) {
	p := newPlace(t)
	for _, c := range []struct {
		args []string
		code int
		want string // in standard output or error
	}{
		{[]string{"version"}, 0, "vaultd "},
		{[]string{"config", "check"}, 0, "fine"},
		{[]string{"config", "show"}, 0, "dir = \"" + p.store + "\""},
		{[]string{"config", "show", "x"}, 2, "takes no argument"},
		{[]string{"serve"}, 2, "takes no argument \"serve\""},
		{[]string{"--bogus"}, 2, "unknown flag: --bogus; run 'vaultd --help'"},
		{[]string{"--help"}, 0, "Usage:"},
		{[]string{"--log-level", "x"}, 2, "none of debug"},
	} {
		code, out, errs := p.run(t, c.args...)
		if code != c.code || !strings.Contains(out+errs, c.want) {
			t.Errorf("%q: exit %d, %s%s", c.args, code, out, errs)
		}
	}
	// None of these makes anything.
	if _, err := os.Lstat(p.store); err == nil {
		t.Error("a store was made")
	}
}
