package command

import (
	"context"
	"io"
	"os"
	"time"

	"filippo.io/age"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/agefile"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/prompt"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	"github.com/vaultd/vaultd/vault/fault"
)

// PluginName is the name under which the program is age's plugin.
const PluginName = agefile.PluginName

// RunPlugin is what the age program runs: vaultctl under the name PluginName.
// It talks to age on standard input and output, to the same daemon as vaultctl,
// and returns the exit status. It starts no daemon: where there was none, no
// file is for it.
func RunPlugin(ctx context.Context, args []string, stderr io.Writer) int {
	a := &app{
		getenv: os.Getenv,
		names:  parse.Names{UID: os.Getuid()},
		print:  &render.Printer{Out: stderr, Err: stderr, Now: time.Now, Quiet: true},
		ask:    &prompt.Asker{},
		// Its socket is where vaultctl finds it, also by VAULTD_SOCKET.
		noStart: true,
		timeout: 30 * time.Second,
	}
	if err := a.plugin(ctx, args); err != nil {
		return a.fail(ctx, a.root(), err)
	}
	return 0
}

func (a *app) plugin(ctx context.Context, args []string) error {
	a.started = true
	c, err := a.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	a.client = c
	status, err := agefile.Plugin(args,
		func(key string) age.Recipient { return a.recipient(ctx, c, key, nil) },
		func(key string) age.Identity {
			return &agefile.Identity{Ctx: ctx, Vault: keys{a, c}, Key: key, Among: true}
		})
	if err != nil {
		return err
	}
	if status != 0 {
		return fault.E(fault.CodeBadArgument, "the talk with the age program ended early")
	}
	return nil
}
