package command

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
)

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version of vaultctl",
		Long:    "Show the version of vaultctl itself, without asking a daemon. 'vaultctl status' shows the daemon's.",
		Example: example("vaultctl version\nvaultctl version -o json"),
		Args:    takes(),
		RunE: func(*cobra.Command, []string) error {
			a.started = true
			v := a.version
			return a.print.Object(struct {
				Version  string `json:"version"`
				Go       string `json:"go"`
				Platform string `json:"platform"`
			}{v, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}, func(t *render.Table) {
				t.Line("vaultctl %s (%s, %s/%s)", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			})
		},
	}
}

// versionOf is what the linker was told for a release, or else the module's
// version or the commit that vaultctl was built from.
func versionOf(linked string) string {
	if linked != "" {
		return linked
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return "devel-" + s.Value[:12]
		}
	}
	if info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}
