package command

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"syscall"
	"time"

	"github.com/vaultd/vaultd/internal/secret"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

// passwordAgent asks whoever is at the console or logged in, see systemd-ask-password(1).
const passwordAgent = "/usr/bin/systemd-ask-password"

// maxAnswer is more than any password has.
const maxAnswer = 4 << 10

// agentTime bounds how long a question that was withdrawn may take to go.
const agentTime = 5 * time.Second

// How long the next question waits after a wrong password, and how often it is
// looked whether somebody else has opened the vault.
const (
	agentPause     = time.Second
	agentPauseMost = 30 * time.Second
	agentLook      = time.Second
)

// unsealByAgent asks through systemd until the vault is open, by the answer or by somebody else.
func (a *app) unsealByAgent(ctx context.Context, c *client.Client, with *opener, acceptRollback bool) error {
	kind, err := with.kind(ctx, a, c)
	if err != nil {
		return err
	}
	asked := "Password of the vault:"
	switch {
	case kind == vaultdv1.SlotKind_SLOT_KIND_TPM && with.takesPIN:
		asked = "PIN of the vault's TPM:"
	case kind != vaultdv1.SlotKind_SLOT_KIND_PASSWORD:
		return fault.E(fault.CodeUsage, "there is nothing to ask for the key slot %s", with.slot).WithHint("leave --by-agent out")
	}
	question := asked
	r := &vaultdv1.UnsealRequest{With: &vaultdv1.SlotSecret{Kind: kind, Slot: with.slot}, AcceptRollback: acceptRollback}
	for pause := agentPause; ; pause = min(2*pause, agentPauseMost) {
		typed, open, err := a.askAgent(ctx, c, question)
		if err != nil {
			return err
		}
		if open {
			return a.unsealed("The vault is unsealed already.", nil)
		}
		r.With.Secret = typed.Bytes()
		resp, err := call(ctx, a, "Unsealing", c.Unseal, r)
		typed.Wipe()
		var known *fault.Error
		switch {
		case err == nil:
			return a.unsealed("The vault is unsealed.", resp.GetWarnings())
		case errors.As(err, &known) && known.Code == fault.CodeUnsealed:
			return a.unsealed("The vault is unsealed already.", nil)
		case errors.As(err, &known) && (known.Code == fault.CodeWrongPassword || known.Code == fault.CodeUnlockThrottled || known.Code == fault.CodeBadArgument):
			a.print.Warn("%s", known.Message)
			question = "That did not open the vault (" + known.Message + "). " + asked
		default:
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// askAgent asks once. It withdraws the question when the vault is open.
func (a *app) askAgent(ctx context.Context, c *client.Client, question string) (typed *secret.Bytes, open bool, err error) {
	asking, withdraw := context.WithCancel(ctx)
	defer withdraw()
	cmd := exec.CommandContext(asking, passwordAgent, "--id=vaultd:unseal", "--timeout=0", "--no-tty", question)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // it takes its question back
	cmd.WaitDelay = agentTime
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, false, err
	}
	if err := cmd.Start(); err != nil {
		return nil, false, noAgent(err)
	}
	opened := make(chan bool, 1)
	go func() { opened <- a.awaitOpen(asking, c, withdraw) }()
	answer := secret.New(maxAnswer)
	defer answer.Wipe()
	n, _ := io.ReadFull(out, answer.Bytes()) // the program's status says whether that was all
	err = cmd.Wait()
	withdraw()
	if <-opened {
		return nil, true, nil
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, false, context.Cause(ctx)
		}
		return nil, false, noAgent(err)
	}
	line := bytes.TrimSuffix(answer.Bytes()[:n], []byte("\n"))
	typed = secret.New(len(line))
	copy(typed.Bytes(), line)
	return typed, false, nil
}

func noAgent(err error) error {
	return fault.E(fault.CodeUsage, "nobody could be asked for the password: %v", err).WithHint("run 'vaultctl unseal' on a terminal")
}

// awaitOpen reports whether the vault was opened before ctx ended, and calls then at that moment.
func (a *app) awaitOpen(ctx context.Context, c *client.Client, then func()) bool {
	tick := time.NewTicker(agentLook)
	defer tick.Stop()
	for {
		s, err := c.Status(ctx, &vaultdv1.StatusRequest{})
		if err == nil && s.GetInitialized() && !s.GetSealed() {
			then()
			return true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
}
