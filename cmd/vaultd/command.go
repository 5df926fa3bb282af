package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	"github.com/vaultd/vaultd/internal/harden"
	"github.com/vaultd/vaultd/vault/fault"
)

func newCommand(measures []harden.Measure) *cobra.Command {
	var s settings
	root := &cobra.Command{
		Use:   "vaultd",
		Short: "A key-management service for one machine",
		Long: `vaultd keeps keys encrypted on disk and uses them for local programs, which it
knows by what the kernel says about the other end of its Unix socket.

Without a command it runs in the foreground until SIGTERM or Ctrl-C: as root for
the machine, otherwise for the user, with no configuration needed. It starts
sealed; 'vaultctl init' or 'vaultctl unseal' opens it.

SIGUSR1 seals the vault at once, SIGHUP reads configuration and policy files again.`,
		Args:          noArguments,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.load()
			if err != nil {
				return err
			}
			return runDaemon(cmd.Context(), &s, c, measures)
		},
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fault.E(fault.CodeUsage, "%v", err).WithHint("run '%s --help'", cmd.CommandPath())
	})
	s.flags(root.PersistentFlags())
	root.AddCommand(newCheckCommand(&s), newConfigCommand(&s), newRestoreCommand(&s), newServiceCommand(&s), newVersionCommand())
	return root
}

// noArguments is cobra.NoArgs with our exit code.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return fault.E(fault.CodeUsage, "%s takes no argument %q", cmd.CommandPath(), args[0]).
		WithHint("run '%s --help'", cmd.CommandPath())
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "vaultd %s %s %s/%s\n", versionString(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}

// versionString is the version that the linker was told, or else what the Go
// tool noted when it built from a checkout or a module.
func versionString() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
