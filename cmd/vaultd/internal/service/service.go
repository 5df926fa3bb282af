package service

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	kardianos "github.com/kardianos/service"

	"github.com/vaultd/vaultd/internal/perm"
	"github.com/vaultd/vaultd/vault/fault"
)

// Service is vaultd as a service, whether or not it is installed.
type Service struct {
	manager string
	scope   Scope
	program string
	home    string // of the user; empty for the machine's
}

// New is the service of scope on this system, for the program that runs.
func New(scope Scope) (*Service, error) {
	program, err := os.Executable()
	if err == nil {
		program, err = filepath.EvalSymlinks(program)
	}
	if err != nil {
		return nil, fmt.Errorf("find the program: %w", err)
	}
	s := &Service{manager: kardianos.Platform(), scope: scope, program: program}
	if scope == User {
		if s.home, err = os.UserHomeDir(); err != nil || !filepath.IsAbs(s.home) {
			return nil, fault.E(fault.CodeUsage, "HOME does not say where your services are").WithHint("set HOME to your home directory")
		}
	}
	return s, nil
}

// Manager is the service manager, by the library's name.
func (s *Service) Manager() string { return s.manager }

// Preview are the files that Install would write, for the usual service manager
// of the system if none runs.
func (s *Service) Preview() ([]File, error) {
	manager := s.manager
	if runtime.GOOS == "linux" {
		manager = systemd
	}
	return Files(manager, s.scope, s.program, s.home)
}

// library is the library's view of the service. Its main file is given whole, so
// that the library's own templates are never used.
func (s *Service) library() (kardianos.Service, error) {
	c := &kardianos.Config{
		Name: "vaultd", DisplayName: "vaultd", Description: "Key management for this machine",
		Executable: s.program,
		Option:     kardianos.KeyValue{"UserService": s.scope == User},
	}
	if s.manager != windows {
		files, err := Files(s.manager, s.scope, s.program, s.home)
		if err != nil {
			return nil, err
		}
		c.Option["SystemdScript"] = string(files[0].Content)
		c.Option["LaunchdConfig"] = string(files[0].Content)
	}
	return kardianos.New(nil, c)
}

// Install writes the service's files and turns it on for the next boot or login.
// It does not start it.
func (s *Service) Install() error {
	files, err := Files(s.manager, s.scope, s.program, s.home)
	if err != nil {
		return err
	}
	if err := s.mayManage("installing"); err != nil {
		return err
	}
	if err := s.mayRun(); err != nil {
		return err
	}
	if err := s.absent(files); err != nil {
		return err
	}
	written, err := writeAll(files)
	if err == nil {
		err = s.prepare(files)
	}
	if err == nil {
		err = s.enable(files[0])
	}
	if err != nil {
		return errors.Join(err, s.takeBack(written))
	}
	return nil
}

// enable lets the library write the main file and turn the service on.
func (s *Service) enable(main File) error {
	l, err := s.library()
	if err != nil {
		return err
	}
	if err := l.Install(); err != nil {
		return errors.Join(s.failed("install", err), removeIfThere(main.Path))
	}
	// The library goes by the umask, which is ours for secrets.
	if err := os.Chmod(main.Path, main.Mode); err != nil {
		return fmt.Errorf("set the mode of %s: %w", main.Path, err)
	}
	return nil
}

// mayManage refuses who can't change the service anyway, with a better reason
// than the tools would give.
func (s *Service) mayManage(doing string) error {
	if s.scope == System && s.manager != windows && os.Geteuid() != 0 {
		return fault.E(fault.CodePermissionDenied, "%s the machine's service needs root", doing).
			WithHint("use sudo, or --user for a service of your own")
	}
	if s.scope == User && s.manager == systemd {
		return userManagerRuns()
	}
	return nil
}

// mayRun refuses a program that others could replace, or that the service would
// not see.
func (s *Service) mayRun() error {
	if err := perm.Check(s.program); err != nil {
		return fault.E(fault.CodeUnsafePerms, "the service would run a program that others can replace: %v", err).
			WithHint("install it first: install -m 0755 %s %s", s.program, placeholder[s.manager])
	}
	if s.scope == System && s.manager == systemd {
		// It may be missing: nobody but root can put one there.
		if err := perm.Check(companion(s.program)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fault.E(fault.CodeUnsafePerms, "%s would run a program that others can replace: %v", askPassword, err).
				WithHint("install vaultctl where vaultd is, as root's, with mode 0755")
		}
	}
	if s.scope == System && s.manager == systemd && hidden(s.program) {
		return fault.E(fault.CodeUsage, "the service can't see %s: homes and temporary files are hidden from it", s.program).
			WithHint("install it first: install -m 0755 %s %s", s.program, placeholder[s.manager])
	}
	return nil
}

// absent refuses to install over a service that is there.
func (s *Service) absent(files []File) error {
	if packaged := s.packaged(); packaged != "" {
		return fault.E(fault.CodeUsage, "a package has installed the service already: %s", packaged).
			WithHint("turn it on with 'systemctl%s enable --now vaultd.socket vaultd.service'", s.userFlag())
	}
	for _, f := range files {
		if _, err := os.Lstat(f.Path); err == nil && !f.Yours {
			return fault.E(fault.CodeUsage, "the service is installed already: %s is there", f.Path).
				WithHint("'vaultd service status' says how it is, 'vaultd service uninstall' removes it")
		}
	}
	return nil
}

// Uninstall stops the service and removes what Install wrote, and nothing else.
func (s *Service) Uninstall() error {
	if err := s.mayManage("removing"); err != nil {
		return err
	}
	if s.manager == windows {
		l, err := s.library()
		if err != nil {
			return err
		}
		return l.Uninstall()
	}
	files, err := Files(s.manager, s.scope, s.program, s.home)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(files[0].Path); err != nil {
		if packaged := s.packaged(); packaged != "" {
			return fault.E(fault.CodeUsage, "a package has installed the service: %s", packaged).WithHint("remove the package")
		}
		return notInstalled()
	}
	if s.manager == systemd {
		if err := s.Stop(); err != nil {
			return err
		}
		if err := s.dismiss(files); err != nil {
			return err
		}
	}
	l, err := s.library()
	if err != nil {
		return err
	}
	if err := l.Uninstall(); err != nil {
		return s.failed("uninstall", err)
	}
	return s.takeBack(files[1:])
}

// takeBack removes files that Install wrote.
func (s *Service) takeBack(files []File) error {
	var errs []error
	for _, f := range files {
		if !f.Yours {
			errs = append(errs, removeIfThere(f.Path))
		}
	}
	if s.manager == systemd {
		errs = append(errs, s.systemctl("daemon-reload"))
	}
	return errors.Join(errs...)
}

// Start starts the service.
func (s *Service) Start() error {
	return s.act("start", "starting", kardianos.Service.Start)
}

// Restart stops the service and starts it again, sealed. With systemd the socket
// stays, so that clients wait.
func (s *Service) Restart() error {
	return s.act("restart", "restarting", kardianos.Service.Restart)
}

// Stop stops the service, and under systemd the socket, which would start it
// again for the next client.
func (s *Service) Stop() error {
	return s.act("stop", "stopping", func(l kardianos.Service) error {
		if s.manager == systemd {
			if err := s.systemctl("stop", "vaultd.socket"); err != nil {
				return err
			}
		}
		return l.Stop()
	})
}

func (s *Service) act(verb, doing string, do func(kardianos.Service) error) error {
	if err := s.mayManage(doing); err != nil {
		return err
	}
	if state, _ := s.State(); state == NotInstalled {
		return notInstalled()
	}
	l, err := s.library()
	if err != nil {
		return err
	}
	if err := do(l); err != nil {
		return s.failed(verb, err)
	}
	return nil
}

// failed tells where to look; the library keeps what the tools said to itself.
func (s *Service) failed(verb string, err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	e := fault.E(fault.CodeInternal, "%s the service: %v", verb, err)
	if s.manager == systemd {
		return e.WithHint("look at 'systemctl%s status vaultd.service vaultd.socket' and 'journalctl%[1]s -u vaultd'", s.userFlag())
	}
	return e
}

func notInstalled() error {
	return fault.E(fault.CodeUsage, "the service is not installed").WithHint("run 'vaultd service install'")
}

// State is how a service is.
type State string

// The states.
const (
	Running      State = "running"
	Stopped      State = "stopped"
	Failed       State = "failed" // it ended by an error
	NotInstalled State = "not installed"
)

// State asks the service manager.
func (s *Service) State() (State, error) {
	if s.scope == User && s.manager == systemd {
		if err := userManagerRuns(); err != nil {
			return "", err
		}
	}
	l, err := s.library()
	if err != nil {
		return "", err
	}
	status, err := l.Status()
	switch {
	case errors.Is(err, kardianos.ErrNotInstalled):
		return NotInstalled, nil
	case s.manager == systemd && err != nil && s.systemctl("is-failed", "--quiet", "vaultd.service") == nil:
		return Failed, nil
	case err != nil:
		return "", s.failed("examine", err)
	case status == kardianos.StatusRunning:
		return Running, nil
	}
	return Stopped, nil
}
