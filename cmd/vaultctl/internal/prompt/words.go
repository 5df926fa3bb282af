package prompt

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"math/big"
	"slices"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/interruptible"
	"github.com/vaultd/vaultd/vault/fault"
)

const (
	wordsInLine = 4
	wordTries   = 3 // for each word that is asked for
)

// Keep shows words on the terminal, once, and has two of them typed back. The error
// says that nobody has written them down.
func (a *Asker) Keep(ctx context.Context, words []byte) error {
	t, err := openTerminal()
	if err != nil {
		return fault.E(fault.CodeUsage, "there is no terminal to show the words on")
	}
	defer t.close()
	each := bytes.Fields(words)
	fmt.Fprintf(t.out, "\nWrite these words down, in this order. They are not shown again.\n\n")
	for i, w := range each {
		fmt.Fprintf(t.out, "  %2d. %-8s", i+1, w)
		if (i+1)%wordsInLine == 0 {
			fmt.Fprintln(t.out)
		}
	}
	fmt.Fprintln(t.out)
	asked, err := two(len(each))
	if err != nil {
		return err
	}
	lines := bufio.NewReaderSize(io.LimitReader(t.in, MaxSecret), 256)
	for _, i := range asked {
		if err := a.asksBack(ctx, t, lines, i+1, each[i]); err != nil {
			return err
		}
	}
	return nil
}

func (a *Asker) asksBack(ctx context.Context, t *terminal, lines *bufio.Reader, number int, word []byte) error {
	for range wordTries {
		fmt.Fprintf(t.out, "Type word %d: ", number)
		line, err := interruptible.Do(ctx, func() ([]byte, error) { return lines.ReadBytes('\n') })
		if err != nil {
			return fmt.Errorf("read the word: %w", err)
		}
		if subtle.ConstantTimeCompare(bytes.ToLower(bytes.TrimSpace(line)), word) == 1 {
			return nil
		}
		fmt.Fprintln(t.out, "That is not it.")
	}
	return fault.E(fault.CodeUsage, "the words were not confirmed, so the key slot is not kept").WithHint("try again, and write them down")
}

// two are different numbers below n, in order.
func two(n int) ([]int, error) {
	var picked []int
	for len(picked) < 2 {
		i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
		if err != nil {
			return nil, err
		}
		if !slices.Contains(picked, int(i.Int64())) {
			picked = append(picked, int(i.Int64()))
		}
	}
	slices.Sort(picked)
	return picked, nil
}
