package prompt

import (
	"bufio"
	"bytes"
	"context"
	"crypto/subtle"
	"fmt"
	"io"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/interruptible"
	"github.com/vaultd/vaultd/vault/fault"
)

// clearScreen takes the screen, and what scrolled out of it, away.
const clearScreen = "\x1b[H\x1b[2J\x1b[3J"

// Deal shows one of n shares, of which k open, has its holder type the last group of it, and
// clears the screen. The error says that nobody has written it down.
func (a *Asker) Deal(ctx context.Context, share []byte, index, n, k int) error {
	t, err := openTerminal()
	if err != nil {
		return fault.E(fault.CodeUsage, "there is no terminal to show the shares on")
	}
	defer t.close()
	defer fmt.Fprint(t.out, clearScreen)
	fmt.Fprintf(t.out, "%sShare %d of %d; any %d of them open the vault. Write it down; it is not shown again.\n\n  %s\n\n",
		clearScreen, index, n, k, share)
	want := share[bytes.LastIndexByte(share, '-')+1:]
	lines := bufio.NewReaderSize(io.LimitReader(t.in, MaxSecret), 256)
	for range wordTries {
		fmt.Fprint(t.out, "Type its last group: ")
		line, err := interruptible.Do(ctx, func() ([]byte, error) { return lines.ReadBytes('\n') })
		if err != nil {
			return fmt.Errorf("read the group: %w", err)
		}
		if subtle.ConstantTimeCompare(bytes.ToUpper(bytes.TrimSpace(line)), want) == 1 {
			return nil
		}
		fmt.Fprintln(t.out, "That is not it.")
	}
	return fault.E(fault.CodeUsage, "share %d was not confirmed, so the key slot is not kept", index).WithHint("try again, and write each down")
}
