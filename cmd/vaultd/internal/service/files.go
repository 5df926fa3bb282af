package service

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"

	"github.com/vaultd/vaultd/packaging"
	"github.com/vaultd/vaultd/vault/fault"
)

// Scope says whose service it is.
type Scope uint8

// The scopes.
const (
	System Scope = iota // of the machine
	User                // of the user who installs it
)

func (s Scope) String() string {
	if s == User {
		return "user"
	}
	return "system"
}

// File is one file that makes the service.
type File struct {
	Path    string
	Content []byte
	Mode    fs.FileMode

	// Yours says that the file is for the administrator to edit: it is not
	// written over one that is there, and stays when the service goes.
	Yours bool
	// Main says that the library writes and removes the file.
	Main bool
}

// managers are those that the files are made for, by the library's names.
const (
	systemd = "linux-systemd"
	launchd = "darwin-launchd"
	windows = "windows-service"
)

// placeholder is the program in the files of package packaging, which install for
// a path of their own.
var placeholder = map[string]string{systemd: "/usr/bin/vaultd", launchd: "/usr/local/bin/vaultd"}

// askPassword is the unit that asks for the password at boot. It is installed, and
// turned on by who wants it.
const askPassword = "vaultd-ask-password.service"

// companion is the vaultctl that is installed with a vaultd.
func companion(program string) string { return path.Join(path.Dir(program), "vaultctl") }

// plain is what a program's path may be made of. Unit files and property lists
// have rules of their own for everything else.
var plain = regexp.MustCompile(`^/[A-Za-z0-9/._+-]+$`)

func checkPlain(what, name string) error {
	if plain.MatchString(name) && filepath.Clean(name) == name {
		return nil
	}
	return fault.E(fault.CodeUsage, "%s has characters that a service can't be made with: %q", what, name).
		WithHint("it may have letters, digits and / . _ + -")
}

// Files are the files that Install writes for a program, by absolute path, with
// the main one first. Home is the user's.
func Files(manager string, scope Scope, program, home string) ([]File, error) {
	if err := checkPlain("the program's path", program); err != nil {
		return nil, err
	}
	if scope == User {
		if err := checkPlain("HOME", home); err != nil {
			return nil, err
		}
	}
	var list []File
	add := func(name, to string, f File) error {
		b, err := packaging.Files.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read the packaged %s: %w", name, err)
		}
		f.Path = to
		f.Content = bytes.ReplaceAll(b, []byte(placeholder[manager]), []byte(program))
		if manager == systemd { // whose question for the password is asked by the other program
			f.Content = bytes.ReplaceAll(f.Content, []byte("/usr/bin/vaultctl"), []byte(companion(program)))
		}
		if manager == launchd { // which expands nothing
			f.Content = bytes.ReplaceAll(f.Content, []byte("~/"), []byte(home+"/"))
		}
		f.Mode = 0o644
		list = append(list, f)
		return nil
	}
	var errs []error
	switch {
	case manager == systemd && scope == System:
		errs = []error{
			add("systemd/vaultd.service", "/etc/systemd/system/vaultd.service", File{Main: true}),
			add("systemd/vaultd.socket", "/etc/systemd/system/vaultd.socket", File{}),
			add("systemd/"+askPassword, "/etc/systemd/system/"+askPassword, File{}),
			add("sysusers.d/vaultd.conf", "/etc/sysusers.d/vaultd.conf", File{}),
			add("tmpfiles.d/vaultd.conf", "/etc/tmpfiles.d/vaultd.conf", File{}),
			add("etc/vaultd/vaultd.toml", "/etc/vaultd/vaultd.toml", File{Yours: true}),
		}
	case manager == systemd:
		units := path.Join(home, ".config/systemd/user")
		errs = []error{
			add("systemd/user/vaultd.service", path.Join(units, "vaultd.service"), File{Main: true}),
			add("systemd/user/vaultd.socket", path.Join(units, "vaultd.socket"), File{}),
		}
	case manager == launchd && scope == System:
		errs = []error{add("launchd/vaultd.plist", "/Library/LaunchDaemons/vaultd.plist", File{Main: true})}
	case manager == launchd:
		errs = []error{add("launchd/vaultd.user.plist", path.Join(home, "Library/LaunchAgents/vaultd.plist"), File{Main: true})}
	default:
		return nil, unsupported(manager)
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

func unsupported(manager string) error {
	if manager == windows {
		return fault.E(fault.CodeUsage, "vaultd does not serve on Windows yet: nothing there tells it who is calling")
	}
	return fault.E(fault.CodeUsage, "vaultd makes itself a service of systemd or launchd, and here is neither (%s)", manager).
		WithHint("have your service manager run 'vaultd --system', which stays in the foreground and ends at SIGTERM")
}
