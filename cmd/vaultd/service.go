package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultd/internal/service"
	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/internal/paths"
	"github.com/vaultd/vaultd/vault/fault"
)

func newServiceCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "service",
		Short: "Run vaultd as a service of the system",
		Long: `service makes vaultd a service of systemd or launchd, and controls it: the
machine's (--system, the default for root) or your own (--user).

Installing from here is for programs that you built or downloaded; a package
has installed the service already. Both are the same files, with the path of the
program in them. Where the vault lies and how it behaves is said in vaultd.toml.`,
		Example: `  vaultd service install --print
  sudo vaultd service install
  sudo vaultd service start
  vaultd service status --user`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newInstallCommand(s),
		newUninstallCommand(s),
		newControlCommand(s, "start", "Start the service", "The vault is sealed then: run 'vaultctl unseal'.", (*service.Service).Start),
		newControlCommand(s, "stop", "Stop the service, which seals the vault", "Clients are refused until it is started again.", (*service.Service).Stop),
		newControlCommand(s, "restart", "Stop the service and start it again, sealed", "Clients wait meanwhile. The vault is sealed then: run 'vaultctl unseal'.", (*service.Service).Restart),
		newServiceStatusCommand(s),
	)
	return cmd
}

// service is the service that the flags speak of. Flags that say how to run have
// no effect on one, so they are refused.
func (s *settings) service() (*service.Service, error) {
	for _, f := range []struct{ name, value string }{
		{"config", s.config}, {"store", s.store}, {"anchor", s.anchor}, {"socket", s.socket}, {"log-level", s.level},
	} {
		if f.value != "" {
			return nil, fault.E(fault.CodeUsage, "--%s is not for a service", f.name).
				WithHint("say it in vaultd.toml, which the service reads")
		}
	}
	scope, err := s.scope()
	if err != nil {
		return nil, err
	}
	return service.New(scope)
}

func (s *settings) scope() (service.Scope, error) {
	switch {
	case s.system && s.user:
		return 0, usage("--system and --user exclude each other")
	case s.system || !s.user && os.Geteuid() == 0:
		return service.System, nil
	}
	return service.User, nil
}

func newInstallCommand(s *settings) *cobra.Command {
	var show bool
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install the service, to start at boot or login",
		Long: `install writes the service's files and turns the service on for the next boot,
or with --user for the next login. It does not start it.

For the machine it also makes the account vaultd, and its group, whose members
administer the vault. An /etc/vaultd/vaultd.toml that is there is left as it is.
When a step fails, what was written is taken back.`,
		Example: `  vaultd service install --print
  sudo vaultd service install && sudo vaultd service start
  vaultd service install --user`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			of, err := s.service()
			if err != nil {
				return err
			}
			if show {
				files, err := of.Preview()
				if err != nil {
					return err
				}
				return printFiles(cmd.OutOrStdout(), files)
			}
			if err := of.Install(); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "The service is installed. Start it with 'vaultd service start', then run 'vaultctl init'.")
			return err
		},
	}
	cmd.Flags().BoolVar(&show, "print", false, "write nothing, and print the files that would be written")
	return cmd
}

func printFiles(w io.Writer, files []service.File) error {
	for i, f := range files {
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintf(w, "### %s\n%s", f.Path, f.Content); err != nil {
			return err
		}
	}
	return nil
}

func newUninstallCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "uninstall",
		Short: "Stop and remove the service; the vault stays",
		Long: `uninstall stops the service and removes the files that install wrote. The
vault, its audit log, the configuration and the account stay; it says where they are.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			of, err := s.service()
			if err != nil {
				return err
			}
			c, err := s.load()
			if err != nil {
				c = config.Config{} // a broken configuration keeps nobody from removing the service
			}
			if err := of.Uninstall(); err != nil {
				return err
			}
			return s.printLeft(cmd.OutOrStdout(), c)
		},
	}
}

// printLeft says what of a vault is there after its service is gone.
func (s *settings) printLeft(w io.Writer, c config.Config) error {
	places := paths.System()
	scope, err := s.scope()
	if err != nil {
		return err
	}
	if scope == service.User {
		if places, err = paths.User(os.Getenv); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(w, "The service is removed. What is left, and yours to keep or delete:"); err != nil {
		return err
	}
	for _, p := range []struct{ what, path string }{
		{"the vault", first(c.Store.Dir, places.Store)},
		{"its anchor", first(c.Store.Anchor, places.Anchor)},
		{"its audit log", first(c.Audit.Dir, places.Audit)},
		{"the configuration", filepath.Dir(places.Config)},
	} {
		if _, err := os.Lstat(p.path); err != nil {
			continue
		}
		if _, err := fmt.Fprintf(w, "  %-18s %s\n", p.what, p.path); err != nil {
			return err
		}
	}
	if scope == service.System {
		_, err = fmt.Fprintf(w, "  %-18s %s\n", "the account", "vaultd, and its group")
	}
	return err
}

func newControlCommand(s *settings, verb, short, more string, do func(*service.Service) error) *cobra.Command {
	return &cobra.Command{
		Use:   verb,
		Short: short,
		Long:  short + ". " + more,
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			of, err := s.service()
			if err != nil {
				return err
			}
			return do(of)
		},
	}
}

// exitStopped is the exit status of status when the service does not run, as of
// other service tools.
const exitStopped = 3

func newServiceStatusCommand(s *settings) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say whether the service is installed and runs",
		Long: `status says whether the service is installed and runs; 'vaultctl status' says how
the vault in it is. The exit status is 0 when it runs, 3 when it does not, and
otherwise that of an error.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return usage("-o is text or json, not %q", output)
			}
			of, err := s.service()
			if err != nil {
				return err
			}
			scope, err := s.scope()
			if err != nil {
				return err
			}
			state, err := of.State()
			if err != nil {
				return err
			}
			if output == "json" {
				err = json.NewEncoder(cmd.OutOrStdout()).Encode(struct {
					State   string `json:"state"`
					Scope   string `json:"scope"`
					Manager string `json:"manager"`
				}{string(state), scope.String(), of.Manager()})
			} else {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "The %s service is %s (%s).\n", scope, state, of.Manager())
			}
			if err == nil && state != service.Running {
				return exit(exitStopped)
			}
			return err
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "`format`: text or json")
	return cmd
}

// exit is an exit status of which everything is said already.
type exit int

func (exit) Error() string { return "" }
