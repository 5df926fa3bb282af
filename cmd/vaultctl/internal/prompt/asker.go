package prompt

import (
	"bufio"
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"strings"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/interruptible"
	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/fault"
)

// Asker reads secrets for one run of the program.
type Asker struct {
	Stdin io.Reader
}

// Existing reads a secret that was set earlier. The caller wipes it.
func (a *Asker) Existing(ctx context.Context, from Source) (*secret.Bytes, error) {
	if from.Given() {
		return interruptible.Do(ctx, func() (*secret.Bytes, error) { return from.read(a.Stdin) })
	}
	t, err := openTerminal()
	if err != nil {
		return nil, noTerminal(from.Name)
	}
	defer t.close()
	return ask(ctx, t, from.Name, title(from.Name)+": ")
}

// New reads a secret that is being set: on a terminal it is asked for twice.
// The caller wipes it.
func (a *Asker) New(ctx context.Context, from Source) (*secret.Bytes, error) {
	if from.Given() {
		return interruptible.Do(ctx, func() (*secret.Bytes, error) { return from.read(a.Stdin) })
	}
	t, err := openTerminal()
	if err != nil {
		return nil, noTerminal(from.Name)
	}
	defer t.close()
	first, err := ask(ctx, t, from.Name, title(from.Name)+": ")
	if err != nil {
		return nil, err
	}
	again, err := ask(ctx, t, from.Name, title(from.Name)+" again: ")
	if err != nil {
		first.Wipe()
		return nil, err
	}
	defer again.Wipe()
	if subtle.ConstantTimeCompare(first.Bytes(), again.Bytes()) != 1 {
		first.Wipe()
		return nil, fault.E(fault.CodeBadArgument, "the two are not the same").WithHint("try again")
	}
	return first, nil
}

// HasTerminal reports whether there is a terminal to ask on.
func HasTerminal() bool {
	t, err := openTerminal()
	if err != nil {
		return false
	}
	t.close()
	return true
}

// Confirm shows what is about to happen and has the user type want. Without a
// terminal it is a usage error that names the flag to give instead.
func (a *Asker) Confirm(ctx context.Context, warning, want, flag string) error {
	t, err := openTerminal()
	if err != nil {
		return fault.E(fault.CodeUsage, "there is no terminal to confirm on").WithHint("add %s", flag)
	}
	defer t.close()
	fmt.Fprintf(t.out, "%s\nType %s to go on: ", warning, want)
	line, err := interruptible.Do(ctx, func() (string, error) {
		return bufio.NewReaderSize(io.LimitReader(t.in, MaxSecret), 256).ReadString('\n')
	})
	if err != nil {
		return fmt.Errorf("read the confirmation: %w", err)
	}
	if strings.TrimSpace(line) != want {
		return fault.E(fault.CodeUsage, "not confirmed, so nothing was done")
	}
	return nil
}

func ask(ctx context.Context, t *terminal, name, text string) (*secret.Bytes, error) {
	fmt.Fprint(t.out, text)
	line, err := interruptible.Do(ctx, t.readSilently)
	t.restore() // an interrupted read has left the echo off
	fmt.Fprintln(t.out)
	if err != nil {
		return nil, fmt.Errorf("read the %s: %w", name, err)
	}
	defer secret.Wipe(line)
	if err := check(name, line); err != nil {
		return nil, err
	}
	return secret.From(line), nil
}

func noTerminal(name string) error {
	flag := strings.ToLower(strings.ReplaceAll(name, " ", "-"))
	return fault.E(fault.CodeUsage, "there is no terminal to ask for the %s on", name).
		WithHint("use --%s-file FILE or --%s-fd N", flag, flag)
}

func title(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
