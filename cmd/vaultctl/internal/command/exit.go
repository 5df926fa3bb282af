package command

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	"github.com/vaultd/vaultd/vault/fault"
)

// Exit statuses beyond the classes of errors.
const (
	exitStatusError  = 1 // of status, for every error
	exitStatusSealed = 2 // of status, for a sealed vault or none
	exitInterrupted  = 130
)

// answered is an exit status that says all: the command has printed its result.
type answered int

func (a answered) Error() string { return "answered" }

// fail prints an error and returns the exit status that tells its class.
func (a *app) fail(ctx context.Context, cmd *cobra.Command, err error) int {
	var done answered
	if errors.As(err, &done) {
		return int(done)
	}
	f := a.failure(ctx, cmd, err)
	a.print.Fail(f)
	return f.Exit
}

func (a *app) failure(ctx context.Context, cmd *cobra.Command, err error) render.Failure {
	known := &fault.Error{}
	switch {
	case ctx.Err() != nil: // the client says timeout, or whatever was cut short
		return render.Failure{Code: "interrupted", Message: "interrupted", Exit: exitInterrupted}
	case errors.As(err, &known):
	case errors.Is(err, context.DeadlineExceeded):
		known = fault.E(fault.CodeTimeout, "no answer within %v", a.timeout).WithHint("a longer --timeout may help")
	case !a.started: // what cobra finds wrong
		known = fault.E(fault.CodeUsage, "%v", err).WithHint("see 'vaultctl --help'")
	default:
		known = fault.E(fault.CodeInternal, "%v", err)
	}
	f := render.Failure{Code: known.Code, Message: known.Message, Hint: known.Hint, Ref: known.Ref, Exit: int(known.Code.Class())}
	if f.Message == "" {
		f.Message = strings.ReplaceAll(string(known.Code), "_", " ")
	}
	if f.Code == fault.CodeUnknownMethod && f.Hint == "" {
		f.Hint = "the daemon is of another version than vaultctl; stop it, and start the one that belongs to it"
	}
	if cmd.Annotations[annotationStatus] != "" {
		f.Exit = exitStatusError
	}
	return f
}

// annotationStatus marks the command with exit statuses of its own.
const annotationStatus = "status"

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit statuses mean",
		Long: strings.TrimSpace(`
The exit status of vaultctl tells the class of what went wrong; the code in
'-o json' ({"error":{"code":…}} on standard error) tells exactly.

   0  done
   1  internal error, or the output could not be written
   2  usage: unknown flag, wrong argument, bad context
   3  not found: no such key, version, owner, exchange, grant, principal,
      decision, approval or backup
   4  denied: not your key, not approved, or too many requests or keys
   5  state: expired, revoked, destroyed, exists already, not initialised
   6  wrong key usage: the key is not for this, or not the one named
   7  cryptographic failure: the ciphertext, signature, MAC, message or
      passphrase is not right
   8  sealed, or the password is wrong
   9  unavailable: no daemon, timeout, busy, disk full
  10  integrity: the store, header or backup is damaged, or older than it
      should be
 130  interrupted

Four commands answer with their exit status:

  vaultctl status             0 unsealed, 2 sealed or not initialised, 1 error
                              (any error, also of usage)
  vaultctl verify, mac verify 0 valid, 7 not valid
  vaultctl revocation check   0 not revoked, 5 revoked
  vaultctl can                0 yes, 4 no`),
	}
}
