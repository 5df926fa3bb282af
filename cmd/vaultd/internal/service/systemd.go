package service

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/vaultd/vaultd/vault/fault"
)

// userManagerRuns refuses when the user has no systemd to talk to, as after su.
func userManagerRuns() error {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		if _, err := os.Stat(filepath.Join(dir, "systemd")); err == nil {
			return nil
		}
	}
	return fault.E(fault.CodeUsage, "no service manager of yours runs").
		WithHint("log in as yourself, not by su or sudo; 'loginctl enable-linger' keeps it running without a login")
}

// hidden reports whether the machine's unit would not see the program, because
// of ProtectHome= and PrivateTmp=.
func hidden(program string) bool {
	for _, dir := range []string{"/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/"} {
		if strings.HasPrefix(program, dir) {
			return true
		}
	}
	return false
}

// packaged is the unit that a package has installed, empty when none has.
func (s *Service) packaged() string {
	if s.manager != systemd {
		return ""
	}
	for _, dir := range []string{"/usr/lib/systemd", "/lib/systemd"} {
		unit := filepath.Join(dir, s.scope.String(), "vaultd.service")
		if _, err := os.Lstat(unit); err == nil {
			return unit
		}
	}
	return ""
}

// userFlag is for systemctl and journalctl.
func (s *Service) userFlag() string {
	if s.scope == User {
		return " --user"
	}
	return ""
}

func (s *Service) systemctl(args ...string) error {
	if s.scope == User {
		args = append([]string{"--user"}, args...)
	}
	return run("systemctl", args...)
}

// prepare makes the account and the directories that the files tell of.
func (s *Service) prepare(files []File) error {
	if s.manager != systemd || s.scope != System {
		return nil
	}
	for _, f := range files {
		var err error
		switch filepath.Dir(f.Path) {
		case "/etc/sysusers.d":
			err = run("systemd-sysusers", f.Path)
		case "/etc/tmpfiles.d":
			err = run("systemd-tmpfiles", "--create", f.Path)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dismiss turns off the question for the password, which an administrator may have
// turned on, so that no link to it is left.
func (s *Service) dismiss(files []File) error {
	for _, f := range files {
		if filepath.Base(f.Path) != askPassword {
			continue
		}
		if _, err := os.Lstat(f.Path); err == nil { // an older vaultd installed none
			return s.systemctl("disable", "--now", askPassword)
		}
	}
	return nil
}

// run runs a tool of the system. Its error has what the tool said.
func run(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = nil, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}
