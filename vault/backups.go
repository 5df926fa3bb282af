package vault

import (
	"context"
	"crypto"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vaultd/vaultd/crypto/kdf"
	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/store"
)

// backupLabel is the HKDF label of the key that the keys of backups come from.
const backupLabel = "vaultd/1/backup"

// backups is what an unsealed vault has for making backups: their key, and the
// memory of those that were made. One that is not in this memory can't be built
// on: it may be of a history that a restore or a rollback has left.
type backups struct {
	key     *secret.Bytes
	running atomic.Pointer[Backup] // the last one that began

	mu       sync.Mutex // guards what follows; held over a commit
	known    []KnownBackup
	version  uint64 // of its record, 0 for none
	restored *restoredMark
	restVer  uint64 // of its record
}

func backupKey(h *header, root []byte) (*secret.Bytes, error) {
	key, err := kdf.HKDF(crypto.SHA256, root, h.vaultID[:], []byte(backupLabel), 32)
	if err != nil {
		return nil, fmt.Errorf("derive the backup key: %w", err)
	}
	return secret.From(key), nil
}

func (b *backups) derive(h *header, root []byte) (err error) {
	b.key, err = backupKey(h, root)
	return err
}

// wipe forgets the key, and what a backup has read and not yet sealed.
func (b *backups) wipe() {
	b.key.Wipe()
	if running := b.running.Load(); running != nil {
		running.Close()
	}
}

// wipeIf wipes the key of a vault that is not opened after all.
func (b *backups) wipeIf(err *error) {
	if *err != nil {
		b.wipe()
	}
}

func (b *backups) load(rec store.Record) (err error) {
	switch {
	case rec.Kind == kindBackups && rec.Path == backupsRecordID().Path:
		b.known, err = parseBackups(rec.Body)
		b.version = rec.Version
	case rec.Kind == kindRestored && rec.Path == restoredRecordID().Path:
		b.restored, err = parseRestored(rec.Body)
		b.restVer = rec.Version
	default:
		err = errMalformed
	}
	return err
}

// remember keeps that a backup was made, so that others can build on it.
func (o *opened) remember(ctx context.Context, k KnownBackup) error {
	b := o.backups
	b.mu.Lock()
	defer b.mu.Unlock()
	list := append(slices.Clone(b.known), k)
	if len(list) > maxKnownBackups {
		list = list[len(list)-maxKnownBackups:]
	}
	err := o.commit(ctx, store.Batch{Puts: []store.Put{{ID: backupsRecordID(), Body: appendBackups(nil, list), Expect: b.version}}})
	if err != nil {
		return storeError(err)
	}
	b.known = list
	b.version++
	return nil
}

// base finds the backup that one of that hash, or else of that sequence, is.
func (b *backups) base(hash [32]byte, seq uint64) (KnownBackup, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range slices.Backward(b.known) {
		if hash != [32]byte{} && k.Hash == hash || hash == [32]byte{} && k.Sequence == seq {
			return k, true
		}
	}
	return KnownBackup{}, false
}

// Backups are those that the vault remembers having made, oldest first. Since
// it keeps the hash of each, a file of the same hash is, byte for byte, what it wrote.
func (v *Vault) Backups() ([]KnownBackup, error) {
	o, err := v.enter()
	if err != nil {
		return nil, err
	}
	defer v.mu.RUnlock()
	o.backups.mu.Lock()
	defer o.backups.mu.Unlock()
	return slices.Clone(o.backups.known), nil
}

// tellRestored is what the first unseal after a restore says. The audit log that
// the backup knew of may be on another machine: it is compared with the one here
// once more, and then the one here counts.
func (v *Vault) tellRestored(st *store.Store, l *loader) []string {
	m := l.backups.restored
	if m == nil || m.told {
		return nil
	}
	warnings := []string{fmt.Sprintf("this vault was restored on %s from a backup of %s, commit %d: what was done later is lost",
		m.when.Format(time.DateTime), m.made.Format(time.DateTime), m.seq)}
	if m.lost > m.seq+1 { // making the backup was one more
		warnings = append(warnings, fmt.Sprintf("it was known to have gone on to commit %d: revocations made in between, if any, are not known here", m.lost))
	}
	if m.resurrected {
		warnings = append(warnings, "what was revoked, destroyed or forbidden after the backup may be in force again, as --resurrect asked for")
	}
	for _, w := range warnings {
		v.log.Warn("vault", "warning", w)
	}
	if l.auditHead.version == 0 && m.head != nil {
		l.auditHead.AuditHead, l.auditHead.restored = *m.head, true
	}
	told := *m
	told.told = true
	err := st.Commit(context.Background(), store.Batch{
		Puts: []store.Put{{ID: restoredRecordID(), Body: told.append(nil), Expect: l.backups.restVer}}, Urgent: true,
	})
	if err != nil {
		v.log.Warn("that the vault was restored will be told once more", "error", err)
		return warnings
	}
	l.backups.restored, l.backups.restVer = &told, l.backups.restVer+1
	return warnings
}
