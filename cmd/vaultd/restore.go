package main

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/vaultd/vaultd/internal/config"
	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault"
	"github.com/vaultd/vaultd/vault/backup"
	"github.com/vaultd/vaultd/vault/fault"
)

func newRestoreCommand(s *settings) *cobra.Command {
	var (
		o      vault.RestoreOptions
		from   slotSecrets
		output string
	)
	cmd := &cobra.Command{
		Use:   "restore FULL [INCREMENTAL...]",
		Short: "Make a vault of backups",
		Long: `restore makes a vault of a full backup and of those that build on it, in their
order, while no daemon serves it. It needs the files and the password that the
vault had when the last of them was made, or another of its key slots, and
nothing else. Every byte of every
file is verified before anything is written; the new vault is made beside and
put in place whole.

A vault that is there already stays, unless --replace is given: then it is moved
aside, and its place is told. If it is the same vault, what it revoked, destroyed, suspended or
limited since the backup stays so, and its password and other key slots, its grants, its principals and
the registrations of tracked ciphertexts stay as they are.
With --resurrect all of that is as it was at the time of the backup.

As root, the vault is given to whom the store directory belongs.`,
		Example: `  vaultd restore --check vault.backup monday.backup
  vaultd restore vault.backup monday.backup tuesday.backup
  vaultd restore --system --replace --password-file - vault.backup`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return nil
			}
			return fault.E(fault.CodeUsage, "%s needs a backup", cmd.CommandPath()).WithHint("run '%s --help'", cmd.CommandPath())
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if output != "text" && output != "json" {
				return usage("-o is text or json, not %q", output)
			}
			if o.CheckOnly && (o.Replace || o.Resurrect) {
				return usage("--check changes nothing, so that --replace and --resurrect have no sense with it")
			}
			if o.Resurrect && !o.Replace {
				return usage("--resurrect is about the vault that --replace moves aside")
			}
			c, err := s.load()
			if err != nil {
				return err
			}
			files, err := openBackups(args)
			if err != nil {
				return err
			}
			defer closeBackups(files)
			for _, f := range files {
				o.Files = append(o.Files, f)
			}
			if !o.CheckOnly {
				lock, err := lockForRestore(c.Store)
				if err != nil {
					return err
				}
				defer lock.Close()
			}
			kind, unlock, err := from.read()
			if err == nil && unlock == nil {
				unlock, err = askPassword()
			}
			if err != nil {
				return err
			}
			defer unlock.Wipe()
			o.Dir, o.AnchorPath, o.With = c.Store.Dir, c.Store.Anchor, vault.SlotSecret{Kind: kind, Secret: unlock.Bytes()}
			o.Log = newLog(c.Log)
			stop := func() {}
			if output == "text" {
				o.Progress, stop = progressOn(os.Stderr)
			}
			report, err := vault.Restore(cmd.Context(), o)
			stop()
			if err != nil {
				return err
			}
			return printRestored(cmd.OutOrStdout(), cmd.ErrOrStderr(), output, o, report)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.CheckOnly, "check", false, "verify the backups and change nothing")
	f.BoolVar(&o.Replace, "replace", false, "move a vault that is there aside")
	f.BoolVar(&o.Resurrect, "resurrect", false, "let come back what that vault revoked, destroyed or forbade after the backup")
	from.flags(f)
	f.StringVarP(&output, "output", "o", "text", "`format`: text or json")
	return cmd
}

// backupFile is an open file whose length is known.
type backupFile struct {
	*os.File
	size int64
}

func (f backupFile) Size() int64 { return f.size }

var _ backup.File = backupFile{}

func openBackups(paths []string) (files []backupFile, err error) {
	defer func() {
		if err != nil {
			closeBackups(files)
		}
	}()
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return files, usage("%v", err)
		}
		files = append(files, backupFile{File: f})
		info, err := f.Stat()
		if err != nil {
			return files, usage("%v", err)
		}
		if !info.Mode().IsRegular() {
			return files, usage("%s is not a file: a backup is read more than once", p)
		}
		files[len(files)-1].size = info.Size()
	}
	return files, nil
}

func closeBackups(files []backupFile) {
	for _, f := range files {
		_ = f.Close() // nothing was written to it
	}
}

// lockForRestore keeps daemons out of the store, if there is one.
func lockForRestore(c config.Store) (io.Closer, error) {
	if err := os.MkdirAll(filepath.Dir(c.Dir), 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of the store: %w", err)
	}
	info, err := os.Lstat(c.Dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return io.NopCloser(nil), nil
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, usage("%s is not a directory", c.Dir)
	}
	lock, err := lockDirectory(c.Dir)
	if err != nil {
		return nil, err
	}
	return lock, nil
}

// askPassword asks on the terminal.
func askPassword() (*secret.Bytes, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, usage("there is no terminal to ask for the password; give it by --password-file or --password-fd")
	}
	return readPasswordFrom(os.Stdin)
}

// progressOn shows how far it is, if w is a terminal and it takes a while.
func progressOn(w *os.File) (show func(what string, records uint64), stop func()) {
	if !term.IsTerminal(int(w.Fd())) {
		return nil, func() {}
	}
	began, last := time.Now(), time.Time{}
	show = func(what string, records uint64) {
		now := time.Now()
		if now.Sub(began) < time.Second || now.Sub(last) < 200*time.Millisecond {
			return
		}
		last = now
		fmt.Fprintf(w, "\r\x1b[K%s: %d records (%ds)", what, records, int(now.Sub(began).Seconds()))
	}
	return show, func() {
		if !last.IsZero() {
			fmt.Fprint(w, "\r\x1b[K")
		}
	}
}

// restoredJSON is the report as JSON. Names are stable.
type restoredJSON struct {
	Restored bool      `json:"restored"` // false: only verified
	VaultID  string    `json:"vault_id"`
	Made     time.Time `json:"made"` // the last backup
	Sequence uint64    `json:"sequence"`
	Records  uint64    `json:"records"`
	Aside    string    `json:"aside,omitempty"`
	Stayed   int       `json:"stayed"` // records that stay as the vault there had them
	Warnings []string  `json:"warnings"`
}

func printRestored(out, errs io.Writer, format string, o vault.RestoreOptions, r *vault.RestoreReport) error {
	if format == "json" {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(restoredJSON{
			!o.CheckOnly, hex.EncodeToString(r.VaultID[:]), r.Made, r.Sequence, r.Records, r.Aside, r.Stayed, append([]string{}, r.Warnings...),
		})
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(errs, "warning: %s\n", w)
	}
	if o.CheckOnly {
		_, err := fmt.Fprintf(out, "The backups are whole and authentic: %d records, sequence %d, of %s.\n", r.Records, r.Sequence, r.Made.Local().Format(time.DateTime))
		return err
	}
	_, err := fmt.Fprintf(out, "The vault is restored to %s: %d records, sequence %d, of %s.\n", o.Dir, r.Records, r.Sequence, r.Made.Local().Format(time.DateTime))
	if err == nil && r.Stayed > 0 {
		_, err = fmt.Fprintf(out, "%d records stay as the vault that was there had them.\n", r.Stayed)
	}
	if err == nil && r.Aside != "" {
		_, err = fmt.Fprintf(out, "What was there is now in %s.\n", r.Aside)
	}
	return err
}
