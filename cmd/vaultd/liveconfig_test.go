//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/vault/audit"
	"github.com/vaultd/vaultd/vault/fault"
)

func (p place) configAt() string { return filepath.Join(p.dir, ".config", "vaultd", "vaultd.toml") }

// inAudit makes a configuration with an audit log and more lines.
func inAudit(lines string) string { return "[audit]\nenabled = true\n" + lines }

// recordsOf are the records of what the daemon did by itself, as tests compare them.
func recordsOf(t *testing.T, p place, action string) (all []string) {
	t.Helper()
	for e, err := range audit.Read(p.store+".audit", audit.Filter{Action: action}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Principal.UID != uint32(os.Geteuid()) || e.Principal.PID == 0 || e.Principal.Exe == "" {
			t.Errorf("a record of the daemon's own without it: %s", e.Line)
		}
		text := string(e.Outcome)
		for _, x := range e.Extra {
			text += " " + x.Name + "=" + x.Value
		}
		all = append(all, text)
	}
	return all
}

// What is changed in the file is in force within a second, or named as waiting
// for a restart; what is broken changes nothing; all of it is told.
func TestConfigurationIsFollowed(t *testing.T) {
	p := newPlace(t)
	write(t, p.configAt(), inAudit("[limits]\nkeys_per_owner = 2\n"))
	d := p.start(t)
	d.init(t)
	c := d.client(t)
	made := 0
	create := func() fault.Code {
		t.Helper()
		made++
		_, err := c.CreateKey(context.Background(), &vaultdv1.CreateKeyRequest{Name: fmt.Sprintf("root/k%d", made)})
		var e *fault.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatal(err)
		}
		if e != nil {
			return e.Code
		}
		return ""
	}
	for i, want := range []fault.Code{"", "", fault.CodeQuotaExceeded} {
		if got := create(); got != want {
			t.Fatalf("key %d: %q, want %q", i+1, got, want)
		}
	}

	// Live: an edit as editors do it.
	text := inAudit("[limits]\nkeys_per_owner = 3\n")
	write(t, p.configAt()+".new", text)
	if err := os.Rename(p.configAt()+".new", p.configAt()); err != nil {
		t.Fatal(err)
	}
	d.eventually(t, `[limits] keys_per_owner`)
	if got := create(); got != "" {
		t.Errorf("a third key after the bound was raised: %q", got)
	}

	// A restart, which is named until the file is as it was.
	write(t, p.configAt(), inAudit("[limits]\nkeys_per_owner = 4\n[socket]\nmode = \"0660\"\n[store]\nmin_free = \"1 MiB\"\n"))
	s := within(t, c, "restart needed", func(s *vaultdv1.StatusResponse) bool { return len(s.GetRestartNeeded()) > 0 })
	if got := strings.Join(s.GetRestartNeeded(), ", "); got != "[store] min_free, [socket] mode" {
		t.Errorf("needs a restart: %s", got)
	}
	if got := create(); got != "" {
		t.Errorf("what is live waits for the restart as well: %q", got)
	}
	write(t, p.configAt(), inAudit("[limits]\nkeys_per_owner = 4\n"))
	within(t, c, "as it was", func(s *vaultdv1.StatusResponse) bool { return len(s.GetRestartNeeded()) == 0 })

	// Broken in every way: the last good one stays in force.
	for _, broken := range []struct {
		name  string
		spoil func() error
		want  string
	}{
		{"bound", func() error { return os.WriteFile(p.configAt(), []byte("\n[limits]\nkeys_per_owner = -1\n"), 0o600) }, "vaultd.toml:3"},
		{"half written", func() error { return os.WriteFile(p.configAt(), []byte("[limits]\nkeys_per_"), 0o600) }, "vaultd.toml:2"},
		{"group", func() error {
			return os.WriteFile(p.configAt(), []byte("[access]\nadmin_groups = [\"no-such-group\"]\n[limits]\nkeys_per_owner = 99\n"), 0o600)
		}, "no group \"no-such-group\""},
		{"truncated", func() error { return os.Truncate(p.configAt(), 0) }, "empty"},
		{"writable by others", func() error { return os.Chmod(p.configAt(), 0o666) }, "can be written by others"},
		{"gone", func() error { return os.Remove(p.configAt()) }, "is gone"},
	} {
		if err := broken.spoil(); err != nil {
			t.Fatal(err)
		}
		within(t, c, broken.name, func(s *vaultdv1.StatusResponse) bool { return strings.Contains(s.GetConfigProblem(), broken.want) })
		if got := create(); got != fault.CodeQuotaExceeded {
			t.Errorf("%s: another bound is in force: %q", broken.name, got)
		}
	}
	write(t, p.configAt(), inAudit("[limits]\nkeys_per_owner = 5\n[log]\nlevel = \"debug\"\n"))
	within(t, c, "mended", func(s *vaultdv1.StatusResponse) bool { return s.GetConfigProblem() == "" })
	if got := create(); got != "" {
		t.Errorf("the mended file is not in force: %q", got)
	}
	// The log's level is live: only debug tells why a request was refused.
	_, err := c.ImportKey(context.Background(), &vaultdv1.ImportKeyRequest{Name: "other/bad", Material: []byte("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n")})
	if err == nil {
		t.Error("garbage was imported")
	}
	d.eventually(t, "request refused")
	d.stop(t, syscall.SIGTERM)

	records := recordsOf(t, p, actionConfigReload)
	for _, want := range []string{
		"allowed applied=[limits] keys_per_owner restart=",
		"allowed applied=[limits] keys_per_owner restart=[store] min_free, [socket] mode",
		"error problem=", "no-such-group", "is gone",
		"allowed applied=[limits] keys_per_owner, [log] level restart=",
	} {
		if !strings.Contains(strings.Join(records, "\n"), want) {
			t.Errorf("no record with %q among:\n%s", want, strings.Join(records, "\n"))
		}
	}
	if len(records) > 14 {
		t.Errorf("%d records of about 10 changes", len(records))
	}
}

// A file that comes later is followed as well, and SIGHUP works where nothing
// can be watched. Flags stay above the file.
func TestConfigurationThatComesLater(t *testing.T) {
	for name, start := range map[string]func(*testing.T, place) *daemon{
		"watched":       func(t *testing.T, p place) *daemon { return p.start(t, "--log-level", "warn") },
		"not watchable": func(t *testing.T, p place) *daemon { return p.startWithout(t, "max_inotify_instances") },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			d := start(t, p)
			c := d.client(t)
			write(t, p.configAt(), "[socket]\nmode = \"0660\"\n[store]\ndir = \"/elsewhere\"\n[log]\nlevel = \"debug\"\n")
			if name != "watched" {
				if err := d.cmd.Process.Signal(syscall.SIGHUP); err != nil {
					t.Fatal(err)
				}
			}
			s := within(t, c, "a new file", func(s *vaultdv1.StatusResponse) bool { return len(s.GetRestartNeeded()) > 0 })
			if got := strings.Join(s.GetRestartNeeded(), ", "); got != "[socket] mode" {
				t.Errorf("needs a restart: %s", got)
			}
			d.stop(t, syscall.SIGTERM)
			if name == "watched" && strings.Contains(d.log.String(), "level=INFO") {
				t.Error("the file's log level wins over the flag")
			}
		})
	}
}

// Each policy that comes into force, and each that can't, has its record.
func TestPolicyReloadsAreOnRecord(t *testing.T) {
	p := newPlace(t)
	write(t, p.configAt(), inAudit(""))
	dir := makePolicyDir(t, p, grantFile("first"))
	d := p.start(t)
	c := d.client(t)
	first := status(t, c).GetPolicyHash()
	// At once: a look at an empty file would have a record of its own.
	replace := func(text string) {
		t.Helper()
		write(t, filepath.Join(dir, "a.toml.new"), text)
		if err := os.Rename(filepath.Join(dir, "a.toml.new"), filepath.Join(dir, "a.toml")); err != nil {
			t.Fatal(err)
		}
	}
	replace("broken")
	within(t, c, "broken", func(s *vaultdv1.StatusResponse) bool { return s.GetPolicyProblem() != "" })
	replace(grantFile("second"))
	second := within(t, c, "mended", func(s *vaultdv1.StatusResponse) bool { return s.GetPolicyProblem() == "" }).GetPolicyHash()
	for end := time.Now().Add(time.Minute); len(recordsOf(t, p, actionPolicyReload)) < 3 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	d.stop(t, syscall.SIGTERM)
	got := recordsOf(t, p, actionPolicyReload)
	if len(got) != 3 || got[0] != "allowed generation=1 hash="+first+" file_grants=1" ||
		!strings.HasPrefix(got[1], "error problem=") || !strings.Contains(got[1], "a.toml:1") ||
		got[2] != "allowed generation=2 hash="+second+" file_grants=1" {
		t.Errorf("records:\n%s", strings.Join(got, "\n"))
	}
}
