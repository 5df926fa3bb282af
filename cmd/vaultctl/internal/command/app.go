package command

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/autostart"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/interruptible"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/parse"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/prompt"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// app is what the commands share during one run of the program.
type app struct {
	stdin   io.Reader
	stdout  io.Writer
	getenv  func(string) string
	version string // of vaultctl itself
	names   parse.Names
	print   *render.Printer
	ask     *prompt.Asker

	socket  string
	noStart bool
	timeout time.Duration

	waitApproval bool // also where nobody sees it

	client    *client.Client // of the command that runs
	started   bool           // arguments were accepted and the command runs
	stdinUser string         // what standard input was given to
}

// action is the body of a command that talks to the daemon.
type action func(ctx context.Context, c *client.Client, args []string) error

// run makes a cobra function of an action: it finds or starts the daemon and
// connects to it.
func (a *app) run(do action) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		a.started = true
		ctx := cmd.Context()
		if a.timeout <= 0 {
			return fault.E(fault.CodeUsage, "the timeout must be positive")
		}
		if out := cmd.Flags().Lookup("out"); a.print.JSON && out != nil && out.Changed {
			return fault.E(fault.CodeUsage, "-o json prints the result, so there is nothing for --out").
				WithHint("use one of the two")
		}
		c, err := a.connect(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		a.client = c
		return do(ctx, c, args)
	}
}

func (a *app) connect(ctx context.Context) (*client.Client, error) {
	target := autostart.Find(a.socket, a.getenv)
	startable := target.Startable && !a.noStart
	if startable && !target.Running(ctx) {
		if err := a.start(ctx, target); err != nil {
			return nil, err
		}
	}
	c, err := a.dial(ctx, target)
	if known := (*fault.Error)(nil); startable && errors.As(err, &known) && known.Code == fault.CodeUnreachable {
		// It ran a moment ago: a daemon that is killed accepts until it is gone.
		if err := a.start(ctx, target); err != nil {
			return nil, err
		}
		c, err = a.dial(ctx, target)
	}
	return c, err
}

func (a *app) start(ctx context.Context, target autostart.Target) error {
	defer a.print.Progress("Waiting for the daemon to start")()
	return target.Start(ctx)
}

func (a *app) dial(ctx context.Context, target autostart.Target) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	return client.Dial(ctx, client.WithSocket(target.Socket))
}

// call makes one call, and makes it again when it was approved by a second
// administrator whom the user waits for.
func call[Q, S any](ctx context.Context, a *app, what string, method func(context.Context, *Q) (*S, error), request *Q) (*S, error) {
	for before := ""; ; {
		r, err := once(ctx, a, what, method, request)
		id, yes := a.awaits(err)
		if !yes || id == before {
			return r, err
		}
		if err := a.awaitApproval(ctx, id); err != nil {
			return nil, err
		}
		before = id
	}
}

// once makes one call within the time limit, showing progress when it is slow.
func once[Q, S any](ctx context.Context, a *app, what string, method func(context.Context, *Q) (*S, error), request *Q) (*S, error) {
	stop := a.print.Progress(what)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	return method(ctx, request)
}

// input reads what a command works on.
func (a *app) input(ctx context.Context, path, what string) ([]byte, error) {
	return a.inputUpTo(ctx, path, what, stream.MaxInput)
}

// inputUpTo is input with a limit of its own, in bytes.
func (a *app) inputUpTo(ctx context.Context, path, what string, limit int) ([]byte, error) {
	if err := a.announceInput(path, what); err != nil {
		return nil, err
	}
	return interruptible.Do(ctx, func() ([]byte, error) { return stream.ReadUpTo(a.stdin, path, limit) })
}

// source opens what a command works on, of whatever size.
func (a *app) source(ctx context.Context, path, what string) (*stream.Source, error) {
	if err := a.announceInput(path, what); err != nil {
		return nil, err
	}
	return interruptible.Do(ctx, func() (*stream.Source, error) { return stream.Open(ctx, a.stdin, path) })
}

// announceInput tells a user at a terminal what standard input is read for.
func (a *app) announceInput(path, what string) error {
	if path != "" && path != "-" {
		return nil
	}
	if err := a.claimStdin(what); err != nil {
		return err
	}
	if render.IsTerminal(a.stdin) {
		a.print.Note("Reading the %s from the terminal; end it with Ctrl-D on a line of its own.", what)
	}
	return nil
}

// open is input for what may be too large to read at once.
func (a *app) open(path, what string) (from io.Reader, done func(), err error) {
	if path != "" && path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, nil, fault.E(fault.CodeBadArgument, "%v", err)
		}
		return f, func() { _ = f.Close() }, nil
	}
	if err := a.claimStdin(what); err != nil {
		return nil, nil, err
	}
	if render.IsTerminal(a.stdin) {
		a.print.Note("Reading the %s from the terminal; end it with Ctrl-D on a line of its own.", what)
	}
	return a.stdin, func() {}, nil
}

// claimStdin makes sure that standard input has one user: a password read from
// it leaves no message to encrypt.
func (a *app) claimStdin(what string) error {
	if a.stdinUser != "" {
		return fault.E(fault.CodeUsage, "standard input can't give both the %s and the %s", a.stdinUser, what).
			WithHint("read one of them from a file")
	}
	a.stdinUser = what
	return nil
}

// claimSources does the same for secrets, before any is asked for.
func (a *app) claimSources(sources ...prompt.Source) error {
	for _, s := range sources {
		if s.Stdin() {
			if err := a.claimStdin(s.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// secretFlags adds --NAME-file and --NAME-fd, and returns the source they fill.
func secretFlags(cmd *cobra.Command, name string) *prompt.Source {
	s := &prompt.Source{Name: name}
	flag := strings.ReplaceAll(name, " ", "-")
	cmd.Flags().StringVar(&s.File, flag+"-file", "", "read the "+name+" from this `FILE` (- is standard input) instead of asking")
	cmd.Flags().Var(&s.FD, flag+"-fd", "read the "+name+" from this open file descriptor instead of asking")
	return s
}
