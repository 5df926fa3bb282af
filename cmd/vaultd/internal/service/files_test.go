package service

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vaultd/vaultd/packaging"
	"github.com/vaultd/vaultd/vault/fault"
)

// What install writes for the packages' own path is the packages' files, byte for byte.
func TestFilesAreThePackages(t *testing.T) {
	for _, c := range []struct {
		manager string
		scope   Scope
		want    map[string]string // by path, the packaged name
	}{
		{systemd, System, map[string]string{
			"/etc/systemd/system/vaultd.service": "systemd/vaultd.service",
			"/etc/systemd/system/vaultd.socket":  "systemd/vaultd.socket",
			"/etc/systemd/system/" + askPassword: "systemd/" + askPassword,
			"/etc/sysusers.d/vaultd.conf":        "sysusers.d/vaultd.conf",
			"/etc/tmpfiles.d/vaultd.conf":        "tmpfiles.d/vaultd.conf",
			"/etc/vaultd/vaultd.toml":            "etc/vaultd/vaultd.toml",
		}},
		{systemd, User, map[string]string{
			"/home/a/.config/systemd/user/vaultd.service": "systemd/user/vaultd.service",
			"/home/a/.config/systemd/user/vaultd.socket":  "systemd/user/vaultd.socket",
		}},
		{launchd, System, map[string]string{"/Library/LaunchDaemons/vaultd.plist": "launchd/vaultd.plist"}},
	} {
		files, err := Files(c.manager, c.scope, placeholder[c.manager], "/home/a")
		if err != nil {
			t.Fatal(err)
		}
		if len(files) != len(c.want) || !files[0].Main {
			t.Errorf("%s, %s: %d files", c.manager, c.scope, len(files))
		}
		for _, f := range files {
			want, err := packaging.Files.ReadFile(c.want[f.Path])
			if err != nil || !bytes.Equal(f.Content, want) || f.Mode != 0o644 {
				t.Errorf("%s differs from the packages' (%v)", f.Path, err)
			}
		}
	}
}

func TestFilesNameTheProgram(t *testing.T) {
	files, err := Files(systemd, System, "/opt/vaultd-2.0/bin/vaultd", "")
	if err != nil {
		t.Fatal(err)
	}
	unit := string(files[0].Content)
	for _, want := range []string{"\nExecStart=/opt/vaultd-2.0/bin/vaultd --system\n", "\nExecPaths=/opt/vaultd-2.0/bin/vaultd "} {
		if !strings.Contains(unit, want) {
			t.Errorf("no %q in\n%s", want, unit)
		}
	}
	if strings.Contains(unit, placeholder[systemd]) || strings.Contains(unit, "{{") {
		t.Errorf("the unit is not finished:\n%s", unit)
	}
	for _, f := range files {
		if strings.HasSuffix(f.Path, askPassword) && !strings.Contains(string(f.Content), "\nExecStart=/opt/vaultd-2.0/bin/vaultctl --socket ") {
			t.Errorf("the password is asked for by another program:\n%s", f.Content)
		}
	}
	files, err = Files(launchd, User, "/opt/vaultd", "/Users/a")
	if err != nil {
		t.Fatal(err)
	}
	if plist := string(files[0].Content); !strings.Contains(plist, "<string>/Users/a/Library/Logs/vaultd.log</string>") || strings.Contains(plist, "~") {
		t.Errorf("the property list is not finished:\n%s", plist)
	}
}

// A path can't say anything in a unit file but where the program is.
func TestFilesRefuseStrangePaths(t *testing.T) {
	for _, program := range []string{
		"", "vaultd", "/opt/my vaultd", "/opt/%h/vaultd", "/opt/vaultd\nExecStartPre=/bin/sh", "/opt/$X", `/opt/"`, "/opt/../vaultd",
		"/opt/<x>", "/opt/é", "/opt/{{Name}}",
	} {
		if _, err := Files(systemd, System, program, ""); !errors.Is(err, fault.E(fault.CodeUsage, "")) {
			t.Errorf("%q: %v", program, err)
		}
	}
	if _, err := Files(launchd, User, "/opt/vaultd", "/Users/<a>"); !errors.Is(err, fault.E(fault.CodeUsage, "")) {
		t.Errorf("HOME: %v", err)
	}
}

func TestOtherSystemsAreToldWhatToDo(t *testing.T) {
	for manager, want := range map[string]string{
		"linux-openrc": "vaultd --system", "unix-systemv": "vaultd --system", "freebsd": "vaultd --system", windows: "Windows",
	} {
		if _, err := Files(manager, System, "/usr/bin/vaultd", ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", manager, err)
		}
	}
}

func TestAProgramThatOthersCanReplaceIsRefused(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "vaultd")
	if err := errors.Join(os.WriteFile(program, nil, 0o700), os.Chmod(program, 0o777)); err != nil {
		t.Fatal(err)
	}
	s := &Service{manager: systemd, program: program}
	if err := s.mayRun(); !errors.Is(err, fault.E(fault.CodeUnsafePerms, "")) {
		t.Errorf("writable by all: %v", err)
	}
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(program, "/tmp/") {
		t.Skipf("%s is not where temporary files are", program)
	}
	if err := s.mayRun(); !errors.Is(err, fault.E(fault.CodeUsage, "")) {
		t.Errorf("out of the unit's sight: %v", err)
	}
	// Root runs the program beside it, to ask for the password.
	other := filepath.Join(dir, "vaultctl")
	if err := errors.Join(os.WriteFile(other, nil, 0o700), os.Chmod(other, 0o777)); err != nil {
		t.Fatal(err)
	}
	if err := s.mayRun(); !errors.Is(err, fault.E(fault.CodeUnsafePerms, "")) {
		t.Errorf("vaultctl writable by all: %v", err)
	}
	s.scope = User // whose unit sees everything, and asks for nothing
	if err := s.mayRun(); err != nil {
		t.Errorf("as a user: %v", err)
	}
}

func TestTheMachinesServiceNeedsRoot(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("this is root")
	}
	s := &Service{manager: systemd, scope: System, program: "/usr/bin/vaultd"}
	for name, do := range map[string]func() error{"install": s.Install, "uninstall": s.Uninstall, "stop": s.Stop} {
		if err := do(); !errors.Is(err, fault.E(fault.CodePermissionDenied, "")) || !strings.Contains(err.Error(), "sudo") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAUserWithoutAServiceManager(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	s := &Service{manager: systemd, scope: User, program: "/usr/bin/vaultd", home: t.TempDir()}
	if err := s.Install(); err == nil || !strings.Contains(err.Error(), "linger") {
		t.Errorf("install: %v", err)
	}
	if _, err := s.State(); err == nil || !strings.Contains(err.Error(), "linger") {
		t.Errorf("status: %v", err)
	}
	if left, err := os.ReadDir(s.home); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestWriteLeavesWhatIsThere(t *testing.T) {
	dir := t.TempDir()
	mine := File{Path: filepath.Join(dir, "etc/mine"), Content: []byte("ours\n"), Mode: 0o644, Yours: true}
	other := File{Path: filepath.Join(dir, "etc/deep/other"), Content: []byte("ours\n"), Mode: 0o644}
	main := File{Path: filepath.Join(dir, "main"), Main: true}
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "etc"), 0o755), os.WriteFile(mine.Path, []byte("theirs\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	written, err := writeAll([]File{main, mine, other})
	if err != nil || len(written) != 1 || written[0].Path != other.Path {
		t.Fatalf("%v, %v", written, err)
	}
	if b, err := os.ReadFile(mine.Path); err != nil || string(b) != "theirs\n" {
		t.Errorf("%q, %v", b, err)
	}
	if info, err := os.Stat(other.Path); err != nil || info.Mode() != 0o644 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := writeAll([]File{other}); err == nil {
		t.Error("written over a file that is there")
	}
}
