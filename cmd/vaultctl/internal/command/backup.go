package command

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/vaultd/vaultd/cmd/vaultctl/internal/render"
	"github.com/vaultd/vaultd/cmd/vaultctl/internal/stream"
	vaultdv1 "github.com/vaultd/vaultd/ipc/api/vaultd/v1"
	"github.com/vaultd/vaultd/ipc/client"
	"github.com/vaultd/vaultd/vault/backup"
	"github.com/vaultd/vaultd/vault/fault"
)

// backupView is a backup as JSON shows it.
type backupView struct {
	Sequence uint64     `json:"sequence"`
	Full     bool       `json:"full"`
	Base     *uint64    `json:"base,omitempty"`
	SHA256   string     `json:"sha256"`
	Time     *time.Time `json:"time"`
	Bytes    uint64     `json:"bytes,omitempty"`
	Records  uint64     `json:"records,omitempty"`
}

func viewBackup(b *vaultdv1.Backup) backupView {
	v := backupView{Sequence: b.GetSequence(), Full: b.GetFull(), SHA256: hex.EncodeToString(b.GetSha256()), Time: timeOf(b.GetTime())}
	if !b.GetFull() {
		base := b.GetBase()
		v.Base = &base
	}
	return v
}

func (v *backupView) kind() string {
	if v.Full {
		return "full"
	}
	return "since " + strconv.FormatUint(*v.Base, 10)
}

func (a *app) backup() *cobra.Command {
	var to, since string
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Write an encrypted backup of the vault, while it is used",
		Long: strings.TrimSpace(`
Write the whole vault, as it is at this moment, to a file or to standard output,
while others go on using it. With --since only what changed since an earlier
backup is written; to restore, that one is needed too.

The file is encrypted and authenticated. The password and every other key slot
that the vault has now open it, for ever: a password that is changed or a slot that is
removed later does not change the file. 'vaultd restore' makes a vault of it, with
the file and one of them alone; a TPM opens none.`),
		Example: example(`
vaultctl backup --to vault.backup
vaultctl backup --to monday.backup --since vault.backup
vaultctl backup | ssh other 'cat > vault.backup'`),
		Args: takes(),
	}
	f := cmd.Flags()
	f.StringVar(&to, "to", "", "write to this `FILE` (- is standard output)")
	f.StringVar(&since, "since", "", "only what changed since this `BACKUP`: a file, or its sequence number")
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		request, err := sinceOf(since)
		if err != nil {
			return err
		}
		out, err := a.backupOut(to)
		if err != nil {
			return err
		}
		defer out.Abort()
		begun, err := call(ctx, a, "Beginning", c.BeginBackup, request)
		if err != nil {
			return err
		}
		made, err := a.readBackup(ctx, c, begun, out)
		if err != nil {
			return err
		}
		if err := out.Commit(); err != nil {
			return err
		}
		return a.printMade(made, to)
	})
	cmd.AddCommand(a.backupList(), a.backupVerify())
	return cmd
}

// sinceOf is the request for what changed since a backup, which is a file or the
// sequence number of one.
func sinceOf(since string) (*vaultdv1.BeginBackupRequest, error) {
	if since == "" {
		return &vaultdv1.BeginBackupRequest{}, nil
	}
	if n, err := strconv.ParseUint(since, 10, 64); err == nil {
		return &vaultdv1.BeginBackupRequest{SinceSequence: n}, nil
	}
	checked, err := checkBackup(since)
	if err != nil {
		return nil, err
	}
	return &vaultdv1.BeginBackupRequest{SinceSha256: checked.Hash[:]}, nil
}

// backupFile is an open file whose length is known.
type backupFile struct {
	*os.File
	size int64
}

func (f backupFile) Size() int64 { return f.size }

// checkBackup reads a file and compares it with its own hash.
func checkBackup(path string) (c backup.Checked, err error) {
	f, err := os.Open(path)
	if err != nil {
		return c, fault.E(fault.CodeBadArgument, "%v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return c, fault.E(fault.CodeBadArgument, "%v", err)
	}
	if !info.Mode().IsRegular() {
		return c, fault.E(fault.CodeBadArgument, "%s is not a file", path)
	}
	c, err = backup.CheckHash(backupFile{f, info.Size()})
	switch {
	case errors.Is(err, backup.ErrNewer):
		return c, fault.E(fault.CodeNewerFormat, "%s: %v", path, err).WithHint("upgrade vaultctl")
	case errors.Is(err, backup.ErrNoBackup), errors.Is(err, backup.ErrDamaged):
		return c, fault.E(fault.CodeBackupDamaged, "%s: %v", path, err).WithHint("take another copy of it, or another backup")
	case err != nil:
		return c, fault.E(fault.CodeBadArgument, "%s: %v", path, err)
	}
	return c, nil
}

// sink is where a backup goes.
type sink interface {
	io.Writer
	Commit() error
	Abort()
}

// standardOutput can neither be kept nor abandoned.
type standardOutput struct{ io.Writer }

func (standardOutput) Commit() error { return nil }
func (standardOutput) Abort()        {}

func (a *app) backupOut(to string) (sink, error) {
	if to != "" && to != "-" {
		if info, err := os.Stat(to); err == nil && !info.Mode().IsRegular() {
			return nil, fault.E(fault.CodeBadArgument, "%s is not a file", to).WithHint("write to standard output, and from there to a device")
		}
		f, err := stream.Create(to)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			return nil, fault.E(fault.CodeBadArgument, "%v", err)
		}
		return f, err
	}
	switch {
	case a.print.JSON:
		return nil, fault.E(fault.CodeUsage, "-o json prints the result to standard output, where the backup would go").WithHint("name a file by --to")
	case render.IsTerminal(a.stdout):
		return nil, fault.E(fault.CodeUsage, "a backup is nothing for a terminal").WithHint("name a file by --to, or use a pipe")
	}
	return standardOutput{a.stdout}, nil
}

// readBackup copies the backup, part by part, to out.
func (a *app) readBackup(ctx context.Context, c *client.Client, begun *vaultdv1.BeginBackupResponse, out io.Writer) (backupView, error) {
	var done atomic.Uint64
	total := begun.GetRecords()
	stop := a.print.ProgressOf(func() string {
		return "Backing up: " + grouped(done.Load()) + " of " + grouped(total) + " records"
	})
	defer stop()
	request := &vaultdv1.ReadBackupRequest{Id: begun.GetId()}
	for {
		r, err := a.readPart(ctx, c, request)
		if err != nil {
			return backupView{}, err
		}
		if _, err := out.Write(r.GetData()); err != nil {
			return backupView{}, err
		}
		request.Offset += uint64(len(r.GetData()))
		done.Store(r.GetRecordsRead())
		if r.GetDone() {
			v := viewBackup(r.GetBackup())
			v.Bytes, v.Records = request.GetOffset(), r.GetRecords()
			return v, nil
		}
	}
}

func (a *app) readPart(ctx context.Context, c *client.Client, request *vaultdv1.ReadBackupRequest) (*vaultdv1.ReadBackupResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	return c.ReadBackup(ctx, request)
}

func (a *app) printMade(v backupView, to string) error {
	if a.print.JSON {
		return a.print.Object(v, nil)
	}
	where := "standard output"
	if to != "" && to != "-" {
		where = to
	}
	a.print.Note("Backed up to %s: %s records, %s, %s, sequence %d.", where, grouped(v.Records), v.kind(), render.Size(v.Bytes), v.Sequence)
	return nil
}

func (a *app) backupList() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the backups that the vault remembers having made",
		Long: strings.TrimSpace(`
List the last 64 backups, oldest first. These are the ones that --since can build
on. Where the files are is not known here.`),
		Example: example("vaultctl backup list\nvaultctl backup list -o json"),
		Args:    takes(),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, _ []string) error {
		r, err := call(ctx, a, "Listing", c.ListBackups, &vaultdv1.ListBackupsRequest{})
		if err != nil {
			return err
		}
		list := []backupView{}
		for _, b := range r.GetBackups() {
			list = append(list, viewBackup(b))
		}
		return a.print.Object(map[string][]backupView{"backups": list}, func(t *render.Table) {
			t.Row("SEQUENCE", "MADE", "CONTENT", "SHA256")
			for i, v := range list {
				t.Row(strconv.FormatUint(v.Sequence, 10), a.print.When(r.GetBackups()[i].GetTime()), v.kind(), v.SHA256)
			}
		})
	})
	return cmd
}

// verifiedView is what 'backup verify' found.
type verifiedView struct {
	backupView
	File  string `json:"file"`
	Known bool   `json:"known"` // the vault remembers having made this very file
}

func (a *app) backupVerify() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Verify that a file is a backup that the vault made",
		Long: strings.TrimSpace(`
Read the whole file, and ask the vault whether it made a backup with this hash:
if so, the file is what it wrote, byte for byte. The vault has to be unsealed.

For a file that the vault does not remember, only damage is told. There,
'vaultd restore --check' proves with the password that a file, and all that it
builds on, is whole and authentic.

The exit status is 0 when the vault made the file, 3 when it does not remember
it, and 10 when the file is damaged.`),
		Example: example("vaultctl backup verify vault.backup"),
		Args:    takes("FILE"),
	}
	cmd.RunE = a.run(func(ctx context.Context, c *client.Client, args []string) error {
		checked, err := checkBackup(args[0])
		if err != nil {
			return err
		}
		r, err := call(ctx, a, "Asking", c.ListBackups, &vaultdv1.ListBackupsRequest{})
		if err != nil {
			return err
		}
		for _, b := range r.GetBackups() {
			if string(b.GetSha256()) != string(checked.Hash[:]) {
				continue
			}
			v := verifiedView{viewBackup(b), args[0], true}
			return a.print.Object(v, func(t *render.Table) {
				t.Field("Backup", args[0])
				t.Field("Made", a.print.When(b.GetTime()))
				t.Field("Content", v.kind())
				t.Field("Sequence", strconv.FormatUint(v.Sequence, 10))
				t.Field("SHA-256", v.SHA256)
				t.Line("It is, byte for byte, what this vault wrote.")
			})
		}
		return fault.E(fault.CodeBackupUnknown, "%s is undamaged, but this vault does not remember having made it", args[0]).
			WithHint("'vaultd restore --check' proves with the password whether it is authentic")
	})
	return cmd
}
