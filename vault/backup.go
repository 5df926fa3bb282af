package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/vaultd/vaultd/vault/backup"
	"github.com/vaultd/vaultd/vault/store"
)

// BackupOptions says what a backup is to hold. The zero value is a full one.
type BackupOptions struct {
	// SinceHash or SinceSequence name the backup to build on: only what changed
	// since then is written. It must be one that this vault remembers.
	SinceHash     [32]byte
	SinceSequence uint64
}

// Backup is one that is being made: the vault as one commit left it, while
// others go on.
type Backup struct {
	mu   sync.Mutex // held by every method but Made, which is for whoever reads
	v    *Vault
	o    *opened
	snap *store.Snapshot
	w    *backup.Writer
	out  bytes.Buffer
	made KnownBackup
	seen uint64 // live records read
	done bool
}

// backupStep bounds how many records one call of Read goes through, of which an
// incremental backup may write none.
const backupStep = 20_000

// BeginBackup begins a backup. Close it in any case. There can be one at a time,
// and no check of the records meanwhile. It ends early when the store is
// rewritten because a key is destroyed --now, which it would keep.
// Errors: sealed, busy, backup_unknown.
func (v *Vault) BeginBackup(ctx context.Context, opts BackupOptions) (*Backup, error) {
	o, snap, err := v.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer v.mu.RUnlock()
	b, err := o.beginBackup(v, snap, opts)
	if err != nil {
		snap.Close()
	}
	return b, err
}

// snapshot takes a snapshot of the store. On success the caller holds v.mu shared,
// but not while it waits for a rewrite of the store, so that a seal does not wait for that.
func (v *Vault) snapshot(ctx context.Context) (*opened, *store.Snapshot, error) {
	o, err := v.enter()
	if err != nil {
		return nil, nil, err
	}
	v.mu.RUnlock()
	snap, err := o.store.Snapshot(ctx)
	if err != nil {
		return nil, nil, snapshotError(err)
	}
	if err := v.inside(o); err != nil {
		snap.Close()
		return nil, nil, err
	}
	return o, snap, nil
}

func (o *opened) beginBackup(v *Vault, snap *store.Snapshot, opts BackupOptions) (*Backup, error) {
	h := backup.Header{VaultID: o.header.vaultID, Created: o.clock.stamp(), Vault: o.header.encoded}
	var base KnownBackup
	incremental := opts.SinceHash != [32]byte{} || opts.SinceSequence != 0
	if incremental {
		known := false
		if base, known = o.backups.base(opts.SinceHash, opts.SinceSequence); !known {
			return nil, E(CodeBackupUnknown, "this vault does not remember having made the backup to build on").
				WithHint("take a full backup: one from before a restore, and all but the last 64, can't be built on")
		}
		h.BaseSeq, h.BaseHash = base.Sequence, backup.Hash(base.Hash)
	}
	h.Seq = snap.Seq()
	switch {
	case incremental && base.Sequence >= snap.Since():
		h.Content = backup.Changes
	case incremental:
		h.Content = backup.ChangesAndKept
	}
	b := &Backup{
		v: v, o: o, snap: snap,
		made: KnownBackup{Time: h.Created, Sequence: h.Seq, Full: !incremental, Base: base.Sequence},
	}
	var err error
	if b.w, err = backup.NewWriter(&b.out, o.backups.key.Bytes(), h); err != nil {
		return nil, err
	}
	o.backups.running.Store(b)
	return b, nil
}

// snapshotError says what a snapshot that can't be read means to a user.
func snapshotError(err error) error {
	switch {
	case errors.Is(err, store.ErrSnapshot), errors.Is(err, context.DeadlineExceeded):
		return E(CodeBusy, "another backup or check is running").WithHint("wait for it, or for it to be given up, which takes some minutes").Because(err)
	case errors.Is(err, store.ErrRewritten):
		return E(CodeBusy, "the store was rewritten, as 'destroy --now' does, which ends backups and checks that run").WithHint("begin again").Because(err)
	case errors.Is(err, store.ErrClosed):
		return ErrSealed.WithHint("it was sealed meanwhile; unseal it and begin again").Because(err)
	}
	return storeError(err)
}

// inside enters the vault if it still is the one that was opened.
func (v *Vault) inside(was *opened) error {
	o, err := v.enter()
	if err != nil {
		return err
	}
	if o != was {
		v.mu.RUnlock()
		return ErrSealed.WithHint("it was sealed meanwhile; begin again")
	}
	return nil
}

// Read returns the next part of the file, at most limit bytes, which may be
// none though more follow. Done says that it was the last.
func (b *Backup) Read(ctx context.Context, limit int) (part []byte, done bool, err error) {
	if err := b.v.inside(b.o); err != nil {
		return nil, false, err
	}
	defer b.v.mu.RUnlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	for n := 0; !b.done && b.out.Len() < limit && n < backupStep; n++ {
		if ctx.Err() != nil {
			break
		}
		if err := b.step(ctx); err != nil {
			return nil, false, err
		}
	}
	part = bytes.Clone(b.out.Next(limit))
	return part, b.done && b.out.Len() == 0, nil
}

func (b *Backup) step(ctx context.Context) error {
	item, err := b.snap.Next()
	if errors.Is(err, io.EOF) {
		return b.finish(ctx)
	}
	if err != nil {
		return snapshotError(err)
	}
	e := backup.Entry{Kind: backup.Live, Name: item.Name, Version: item.Version, Seq: item.Seq, Record: uint8(item.Kind), Path: item.Path, Body: item.Body}
	if item.Deleted {
		e = backup.Entry{Kind: backup.Deleted, Name: item.Name, Seq: item.Seq}
		if item.Seq <= b.made.Base {
			return nil // the base knows
		}
	} else {
		b.seen++
	}
	return b.w.Add(e)
}

func (b *Backup) finish(ctx context.Context) error {
	hash, err := b.w.Finish(b.snap.HighWater())
	if err != nil {
		return err
	}
	b.snap.Close()
	b.made.Hash, b.done = hash, true
	if err := b.o.remember(ctx, b.made); err != nil {
		b.v.log.Warn("a backup was made, but can't be built on: that could not be stored", "sequence", b.made.Sequence, "error", err)
	}
	b.v.log.Info("backup made", "sequence", b.made.Sequence, "full", b.made.Full, "base", b.made.Base,
		"records", b.seen, "sha256", fmt.Sprintf("%x", hash))
	return nil
}

// Made describes it. The hash is known when all was read.
func (b *Backup) Made() KnownBackup { return b.made }

// Progress tells how many of the vault's records were gone through.
func (b *Backup) Progress() (seen, total uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen, b.snap.Records()
}

// Close ends it. A second Close does nothing.
func (b *Backup) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.snap.Close()
	b.w.Wipe()
}
