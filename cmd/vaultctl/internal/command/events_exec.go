package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	"github.com/vaultd/vaultd/vault/fault"
)

// reaction is a program that is run for each event, one after the other. It runs
// as whoever runs vaultctl, never as the daemon.
type reaction struct {
	program string
	limit   time.Duration
}

// check refuses a program before the first event rather than at it.
func (r *reaction) check() error {
	switch {
	case r.program == "":
		return nil
	case !filepath.IsAbs(r.program):
		return fault.E(fault.CodeUsage, "--exec takes an absolute path, not %q", r.program)
	case r.limit <= 0:
		return fault.E(fault.CodeUsage, "--exec-timeout is a positive time")
	}
	if _, err := exec.LookPath(r.program); err != nil {
		return fault.E(fault.CodeUsage, "%s can't be run", r.program).WithHint("make it executable for whoever runs vaultctl").Because(err)
	}
	return nil
}

// run runs the program for one event: its kind and key are the arguments, and it
// is on standard input as JSON. Of the environment it gets nothing but what is here.
func (r *reaction) run(ctx context.Context, a *app, kind, key string, event any) error {
	if r.program == "" {
		return nil
	}
	text, err := json.Marshal(event)
	if err != nil {
		return err
	}
	limit, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	cmd := exec.CommandContext(limit, r.program, kind, key)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "VAULTD_EVENT=" + kind, "VAULTD_KEY=" + key}
	cmd.Dir = "/"
	cmd.Stdin = bytes.NewReader(append(text, '\n'))
	cmd.Stdout, cmd.Stderr = a.print.Err, a.print.Err
	cmd.WaitDelay = time.Second // for what it left behind that holds the output
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(limit.Err(), context.DeadlineExceeded):
		a.tellFailed("%s took longer than %s for %s %s and was ended", r.program, r.limit, kind, key)
	case err != nil:
		a.tellFailed("%s failed for %s %s: %v", r.program, kind, key, err)
	}
	return nil // the next event is not to suffer from it
}

// tellFailed tells of a program that failed, with JSON on standard output too: no
// other answer does.
func (a *app) tellFailed(format string, args ...any) {
	_, _ = fmt.Fprintln(a.print.Err, render.Clean(fmt.Sprintf(format, args...)))
}
