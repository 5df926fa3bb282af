package command

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/prompt"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
)

// Run executes vaultctl with the given arguments and returns its exit status.
// The version is what the linker was told, empty in a build that is no release.
func Run(ctx context.Context, version string, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{
		version: versionOf(version),
		stdin:   stdin, stdout: stdout,
		getenv: os.Getenv,
		names:  parse.Names{UID: os.Getuid()},
		print:  &render.Printer{Out: stdout, Err: stderr, Now: time.Now},
		ask:    &prompt.Asker{Stdin: stdin},
	}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if !a.started && wantsJSON(args) {
		a.print.JSON = true // the flag may stand behind the mistake
	}
	return a.fail(ctx, cmd, err)
}

// wantsJSON looks for "-o json" where the flags could not be parsed.
func wantsJSON(args []string) bool {
	i := slices.IndexFunc(args, func(s string) bool { return s == "-o" || s == "--output" })
	return i >= 0 && i+1 < len(args) && args[i+1] == "json" ||
		slices.ContainsFunc(args, func(s string) bool { return s == "-ojson" || s == "-o=json" || s == "--output=json" })
}

// The groups of the root help.
const (
	groupStart    = "start"
	groupVault    = "vault"
	groupKeys     = "keys"
	groupUse      = "use"
	groupExchange = "exchange"
	groupOwners   = "owners"
	groupPolicy   = "policy"
	groupAudit    = "audit"
)

func (a *app) root() *cobra.Command {
	cobra.EnableCommandSorting = false // the order below is the order of use
	root := &cobra.Command{
		Use:   "vaultctl",
		Short: "Use the keys of a vault that never gives them away",
		Long: strings.TrimSpace(`
vaultctl asks vaultd, the key-management daemon of this machine, to make keys
and to use them. The kernel tells the daemon who is asking, so there is nothing
to log in with.

A key is named owner/name; a name alone is a key of your own. Commands read
standard input and write standard output unless told otherwise, so they pipe.
If you have no daemon yet, vaultctl starts one of your own.`),
		Example: example(`
vaultctl quickstart                               # see all of it at work
vaultctl init && vaultctl key create session      # a vault and a first key
echo hello | vaultctl encrypt session | vaultctl decrypt`),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          group,
		Version:       a.version,
	}
	root.AddGroup(
		&cobra.Group{ID: groupStart, Title: "Start here:"},
		&cobra.Group{ID: groupVault, Title: "Vault:"},
		&cobra.Group{ID: groupKeys, Title: "Keys:"},
		&cobra.Group{ID: groupUse, Title: "Use keys:"},
		&cobra.Group{ID: groupExchange, Title: "Exchange:"},
		&cobra.Group{ID: groupOwners, Title: "Owners and revocation:"},
		&cobra.Group{ID: groupPolicy, Title: "Who may do what:"},
		&cobra.Group{ID: groupAudit, Title: "Who did what:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupStart, a.quickstart(), a.versionCommand())
	add(groupVault, a.init(), a.unseal(), a.seal(), a.status(), a.password(), a.slot(), a.backup(), a.check(), a.scrub())
	add(groupKeys, a.key(), a.alias())
	add(groupUse, a.encrypt(), a.decrypt(), a.sign(), a.verify(), a.mac(), a.agree(), a.encapsulate(), a.decapsulate(), a.derive(),
		a.datakey(), a.rewrap(), a.forget(), a.random(), a.batch())
	add(groupExchange, a.exchange())
	add(groupOwners, a.owner(), a.revocation())
	add(groupPolicy, a.whoami(), a.can(), a.explain(), a.grant(), a.approval(), a.policy(), a.principal())
	add(groupAudit, a.audit(), a.events())
	root.AddCommand(exitCodesTopic())
	root.SetHelpCommand(helpCommand(root))
	root.SetHelpCommandGroupID(groupStart)
	root.SetCompletionCommandGroupID(groupStart)
	root.SetFlagErrorFunc(flagError)
	root.SetOut(a.stdout) // cobra's completion command takes it now
	root.InitDefaultCompletionCmd()
	if c, _, err := root.Find([]string{"completion"}); err == nil {
		c.Args, c.RunE = cobra.ArbitraryArgs, group // cobra's own shows help for a shell it does not know
	}
	a.globalFlags(root)
	return root
}

func (a *app) globalFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.SortFlags = false
	f.StringVar(&a.socket, "socket", "", "talk to the daemon at this `SOCKET` (or set VAULTD_SOCKET)")
	f.VarP((*outputFlag)(&a.print.JSON), "output", "o", "print text or json")
	f.BoolVar(&a.noStart, "no-start", false, "don't start a daemon when none runs")
	f.BoolVarP(&a.print.Quiet, "quiet", "q", false, "no notes and no progress")
	f.DurationVar(&a.timeout, "timeout", time.Minute, "give up on an answer after this long, a `TIME` such as 10s")
	f.BoolVar(&a.waitApproval, "wait-approval", false, "wait for a second administrator's approval where it is needed, as on a terminal")
	mustComplete(root, "output", "text", "json")
}
