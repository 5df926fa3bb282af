package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/prompt"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	"github.com/vaultd/vaultd/crypto/shares"
	"github.com/vaultd/vaultd/internal/secret"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/fault"
)

func (a *app) slotAddShares() *cobra.Command {
	var n, k int
	var outDir string
	cmd := &cobra.Command{
		Use:   "shares",
		Short: "Add shares for people, some of whom open the vault together",
		Long: strings.TrimSpace(`
Make shares for up to 16 people, of which any --threshold open the vault together, and
fewer tell nothing of it. Each enters a share with 'vaultctl unseal --share'.

The shares are shown on the terminal one after the other: have each holder come, write
the share down, and type its last group; the screen is cleared before the next. With
--out-dir each is a file of mode 0400 instead, to be given away and deleted. If one
is not confirmed, the key slot is removed again.

They are made here and not by the daemon, which never holds more than were entered.`),
		Example: example(`
vaultctl slot add shares --shares 5 --threshold 3
vaultctl slot add shares --shares 3 --threshold 2 --name board --out-dir ./shares
vaultctl unseal --share`),
		Args: takes(),
	}
	adding := a.addingFlags(cmd)
	cmd.Flags().IntVar(&n, "shares", 0, "make `N` shares, 2 to 16")
	cmd.Flags().IntVar(&k, "threshold", 0, "`K` of them open the vault, 2 or more")
	cmd.Flags().StringVar(&outDir, "out-dir", "", "write the shares to files in this `DIRECTORY`, and show none")
	mustMark(cmd.MarkFlagRequired("shares"), cmd.MarkFlagRequired("threshold"), cmd.MarkFlagDirname("out-dir"))
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		if outDir == "" && !prompt.HasTerminal() {
			return fault.E(fault.CodeUsage, "there is no terminal to show the shares on").WithHint("--out-dir writes them to files")
		}
		s, all, err := shares.Split(n, k)
		if err != nil {
			return fault.E(fault.CodeBadArgument, "%v", err)
		}
		whole := secret.From(s)
		defer whole.Wipe()
		defer wipeShares(all)
		o, err := adding.with.open(ctx, a, c)
		if err != nil {
			return err
		}
		defer o.done()
		var files []string
		if outDir != "" {
			if files, err = writeShares(outDir, all); err != nil {
				return fault.E(fault.CodeBadArgument, "the shares were not written: %v", err)
			}
		}
		slot, err := adding.add(ctx, c, o, &vaultdv1.AddSlotRequest{
			Kind: vaultdv1.SlotKind_SLOT_KIND_SHARES, Secret: whole.Bytes(), Params: shares.SetOf(all).Append(nil),
		})
		if err != nil {
			removeAll(files) // they open nothing, or what 'slot list' shows and nobody needs
			return err
		}
		if outDir == "" {
			if err := a.deal(ctx, all); err != nil {
				return a.takeBack(c, o, slot, err)
			}
		}
		return a.added(slot, func(t *render.Table) {
			for _, f := range files {
				t.Field("File", f)
			}
		})
	})
	return cmd
}

// mustMark is for flags that exist.
func mustMark(errs ...error) {
	if err := errors.Join(errs...); err != nil {
		panic(err)
	}
}

func wipeShares(all []shares.Share) {
	for i := range all {
		all[i].Wipe()
	}
}

// deal shows each share to its holder.
func (a *app) deal(ctx context.Context, all []shares.Share) error {
	for i := range all {
		text := all[i].AppendText(nil)
		err := a.ask.Deal(ctx, text, int(all[i].Index), len(all), int(all[i].Threshold))
		secret.Wipe(text)
		if err != nil {
			return err
		}
	}
	return nil
}

// writeShares makes one file for each share, and none over another.
func writeShares(dir string, all []shares.Share) (files []string, err error) {
	defer func() {
		if err != nil {
			removeAll(files)
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for i := range all {
		path := filepath.Join(dir, fmt.Sprintf("share-%d-of-%d.txt", all[i].Index, len(all)))
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
		if err != nil {
			return files, err
		}
		files = append(files, path)
		text := append(all[i].AppendText(nil), '\n')
		_, err = f.Write(text)
		secret.Wipe(text)
		if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
			return files, err
		}
	}
	return files, nil
}

func removeAll(files []string) {
	for _, f := range files {
		_ = os.Remove(f)
	}
}
