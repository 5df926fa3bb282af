package vault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/backup"
	"github.com/vaultd/vaultd/vault/store"
)

// RestoreOptions says from what a vault is made, and where.
type RestoreOptions struct {
	Dir, AnchorPath string
	Files           []backup.File // a full one, and those that build on it, oldest first
	With            SlotSecret    // of a key slot that the vault had at the last backup, or that the one in Dir has

	CheckOnly bool // verify the files and change nothing
	Replace   bool // a vault in Dir is moved aside
	Resurrect bool // what the vault in Dir revoked, destroyed, limits and forbids may come back

	Log      *slog.Logger                      // nil: no log
	Now      func() time.Time                  // nil: time.Now
	Progress func(what string, records uint64) // nil: none

	reached func(step string) // a test stops the process there
}

// RestoreReport says what was restored.
type RestoreReport struct {
	VaultID  [16]byte
	Made     time.Time // the last backup
	Sequence uint64    // of the last backup
	Records  uint64

	Aside    string // where the vault that was in the directory is now; "" if there was none
	Stayed   int    // records that stay as the vault in the directory had them
	Warnings []string
}

// Restore makes a vault of backups, while no daemon serves the directory. It
// reads and verifies all of them before it writes anything, makes the vault
// beside the directory, and puts it in place whole. What the vault that was
// there revoked, destroyed, limits or forbids stays so, unless Resurrect is set.
//
// Errors: wrong_password, backup_damaged, backup_chain, newer_format,
// already_initialized, store_in_use, store_corrupt, storage_full.
func Restore(ctx context.Context, o RestoreOptions) (*RestoreReport, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Progress == nil {
		o.Progress = func(string, uint64) {}
	}
	if o.reached == nil {
		o.reached = func(string) {}
	}
	r := &restorer{ctx: ctx, o: o}
	defer r.wipe()
	if err := r.unlock(); err != nil {
		return nil, err
	}
	if !o.CheckOnly {
		if err := r.lookAround(); err != nil {
			return nil, err
		}
	}
	if err := r.verify(); err != nil || o.CheckOnly {
		return &r.report, err
	}
	if err := r.present.settle(); err != nil {
		return nil, err
	}
	if err := r.build(); err != nil {
		return nil, err
	}
	return &r.report, nil
}

// restorer carries one restore from step to step.
type restorer struct {
	ctx    context.Context
	o      RestoreOptions
	report RestoreReport

	header *header // of the last backup, and then the one of the result
	last   *backup.Header
	hash   backup.Hash
	root   *secret.Bytes
	key    *secret.Bytes // of the backups

	head      *AuditHead // of the audit log, as the backup has it
	highWater time.Time
	present   *present    // the vault in the directory, nil where it is none or another one
	occupied  bool        // there is one, be it another
	owner     fs.FileInfo // the directory as it was, nil where there was none
	known     store.Known
}

func (r *restorer) wipe() {
	r.root.Wipe()
	r.key.Wipe()
	r.present.wipe()
}

// unlock reads the headers and opens the last one with the password, or else
// the header of the vault in the directory, if that is the same vault.
func (r *restorer) unlock() error {
	if len(r.o.Files) == 0 {
		return E(CodeUsage, "there is no backup to restore")
	}
	file := r.o.Files[len(r.o.Files)-1]
	h, _, err := backup.ReadHeader(io.NewSectionReader(file, 0, file.Size()))
	if err != nil {
		return r.backupError(err)
	}
	r.last = h
	if r.header, err = parseHeader(h.Vault); err != nil || r.header.vaultID != h.VaultID {
		if errors.Is(err, errHeaderNewer) {
			return newerFormat(err.Error())
		}
		return E(CodeBackupDamaged, "the backup's key slots are damaged").Because(err)
	}
	r.report.VaultID, r.report.Made, r.report.Sequence = h.VaultID, h.Created, h.Seq
	candidates := []*header{r.header}
	if now := (headerFiles{dir: r.o.Dir}).read(headerName); now.err == nil && now.header.vaultID == h.VaultID {
		candidates = append(candidates, now.header)
	}
	if r.root, err = unlockAny(candidates, r.o.With); err != nil {
		return err
	}
	r.key, err = backupKey(r.header, r.root.Bytes())
	return err
}

// unlockAny opens one of several headers of one vault with the secret of a key slot.
func unlockAny(headers []*header, with SlotSecret) (*secret.Bytes, error) {
	kind := max(with.Kind, SlotPassword)
	var miss error = kind.wrong().WithHint("a backup opens with what the vault had when the backup was made")
	if err := kind.checkSecret(with.Secret); err != nil {
		return nil, err
	}
	for _, h := range headers {
		slots, err := h.candidates(with)
		if err != nil {
			miss = err
			continue
		}
		root, _, err := unwrapAny(h.vaultID, slots, with.Secret)
		if errors.Is(err, errSlotSecret) {
			continue
		}
		if err == nil {
			if err = h.verify(root.Bytes()); err == nil {
				return root, nil
			}
			root.Wipe()
		}
		if errors.Is(err, errHeaderBytes) {
			return nil, E(CodeBackupDamaged, "the key slots open, but are not authentic: they were forged").Because(err)
		}
		return nil, err
	}
	return nil, miss
}

// backupError says what is wrong with a backup.
func (r *restorer) backupError(err error) error {
	switch {
	case errors.Is(err, backup.ErrNoBackup):
		return E(CodeBackupDamaged, "%v", err).WithHint("'vaultctl backup' makes one").Because(err)
	case errors.Is(err, backup.ErrNewer):
		return E(CodeNewerFormat, "%v", err).WithHint("upgrade this vaultd").Because(err)
	case errors.Is(err, backup.ErrChain):
		return E(CodeBackupChain, "%v", err).WithHint("name the full backup first, then every later one in order").Because(err)
	case errors.Is(err, backup.ErrDamaged):
		return E(CodeBackupDamaged, "%v", err).WithHint("nothing was changed; take another copy of the file, or another backup").Because(err)
	}
	return err
}

// chain reads the backups from the start.
func (r *restorer) chain() (*backup.Chain, error) {
	c, err := backup.NewChain(r.o.Files, r.key.Bytes())
	if err != nil {
		return nil, r.backupError(err)
	}
	return c, nil
}

// each gives fn every record that lives at the end of the chain, and returns
// when all files were found whole.
func (r *restorer) each(what string, fn func(backup.Entry, store.Record) error) error {
	c, err := r.chain()
	if err != nil {
		return err
	}
	defer c.Wipe()
	for n := uint64(0); ; n++ {
		if n%1024 == 0 {
			if r.ctx.Err() != nil {
				return E(CodeTimeout, "the restore was given up; nothing was changed").Because(r.ctx.Err())
			}
			r.o.Progress(what, n)
		}
		e, err := c.Next()
		if errors.Is(err, io.EOF) {
			r.highWater, r.hash, r.report.Records = c.HighWater(), c.Last().Hash, n
			return nil
		}
		if err != nil {
			return r.backupError(err)
		}
		rec := store.Record{ID: store.ID{Kind: store.Kind(e.Record), Path: e.Path}, Version: e.Version, Body: e.Body}
		if err := fn(e, rec); err != nil {
			return err
		}
	}
}

// verify reads all files to their ends, and every record in them.
func (r *restorer) verify() error {
	return r.each("Verifying", func(e backup.Entry, rec store.Record) error {
		l := newLoader() // of this record alone
		if err := l.take(rec); err != nil {
			if newerRecord(rec) != nil {
				return r.backupError(backup.ErrNewer)
			}
			return E(CodeBackupDamaged, "a record of kind %d can't be read", rec.Kind).
				WithHint("nothing was changed; restore another backup, and report this").Because(err)
		}
		if rec.Kind == kindAuditHead {
			head := l.auditHead.AuditHead
			r.head = &head
		}
		return r.present.compare(rec)
	})
}

// put adds a record to the new vault; see merger for what stays.
func (r *restorer) put(b *store.Builder, seq uint64) error {
	m := &merger{b: b, seq: seq, present: r.present, now: r.o.Now(), warn: r.warn}
	err := r.each("Restoring", func(e backup.Entry, rec store.Record) error {
		if backup.Name(b.Name(rec.ID)) != e.Name {
			return E(CodeBackupDamaged, "a record is under another's name")
		}
		return m.take(rec, e.Seq)
	})
	if err != nil {
		return err
	}
	if err := m.finish(); err != nil {
		return err
	}
	r.report.Stayed = m.stayed
	mark := &restoredMark{
		when: r.o.Now().UTC().Truncate(time.Microsecond), made: r.last.Created, seq: r.last.Seq, hash: r.hash, resurrected: r.o.Resurrect,
	}
	if r.present == nil {
		mark.head = r.head
		mark.lost = r.known.Seq
	}
	return b.Put(store.Record{ID: restoredRecordID(), Version: 1, Body: mark.append(nil)}, seq)
}

func (r *restorer) warn(format string, args ...any) {
	r.report.Warnings = append(r.report.Warnings, fmt.Sprintf(format, args...))
}
