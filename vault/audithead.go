package vault

import (
	"context"
	"crypto"
	"encoding/binary"

	"github.com/vaultd/vaultd/crypto/kdf"
	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/store"
)

// AuditLog is what the vault does for an audit log: it lends the log a key
// while it is unsealed, and keeps the log's head in the sealed store, where
// nobody can roll it back with the log. The calls never overlap, but for Head.
type AuditLog interface {
	// Unsealed is told the vault's id and the seed of the signing key, which is
	// wiped after the call, and the head that was kept, nil for none. What it
	// returns is a warning for whoever unseals.
	Unsealed(vaultID [16]byte, seed []byte, kept *AuditHead) (warning string)
	// Head is the head to keep, of what is durable in the log.
	Head() AuditHead
	// Sealing is told before the store is closed.
	Sealing()
}

// AuditHead is how far an audit log was: its size in records, and its tree's root.
type AuditHead struct {
	Size uint64
	Root [32]byte
}

// auditSeedLabel is the HKDF label of the audit log's signing key.
const auditSeedLabel = "vaultd/1/audit"

// auditHead is the kept head and the version of its record.
type auditHead struct {
	AuditHead
	version uint64 // 0: none was kept
	// restored: the head is a backup's. It is told to the log once, and does not
	// have to be that of the log on this machine.
	restored bool
}

func auditHeadID() store.ID { return store.ID{Kind: kindAuditHead, Path: "head"} }

// An audit head record is format, size (8 bytes), root (32 bytes).
const auditHeadLen = 1 + 8 + 32

func (h AuditHead) encode() []byte {
	b := binary.BigEndian.AppendUint64([]byte{recordFormat}, h.Size)
	return append(b, h.Root[:]...)
}

func (a *auditHead) load(rec store.Record) error {
	if len(rec.Body) != auditHeadLen || rec.Body[0] != recordFormat || rec.Path != auditHeadID().Path {
		return errMalformed
	}
	a.Size, a.version = binary.BigEndian.Uint64(rec.Body[1:]), rec.Version
	copy(a.Root[:], rec.Body[9:])
	return nil
}

// auditUnsealed lends the audit log its key, and adds what it found to the warnings.
func (v *Vault) auditUnsealed(h *header, root []byte, kept *auditHead, warnings []string) []string {
	if v.o.AuditLog == nil {
		return warnings
	}
	seed, err := kdf.HKDF(crypto.SHA256, root, h.vaultID[:], []byte(auditSeedLabel), 32)
	if err != nil {
		v.log.Error("no key for the audit log", "error", err)
		return append(warnings, "the audit log has no signing key")
	}
	defer secret.Wipe(seed)
	var head *AuditHead
	if kept.version > 0 || kept.restored {
		was := kept.AuditHead
		head = &was
	}
	if kept.restored {
		kept.AuditHead, kept.restored = AuditHead{}, false
	}
	if w := v.o.AuditLog.Unsealed(h.vaultID, seed, head); w != "" {
		return append(warnings, w)
	}
	return warnings
}

// auditSealing takes the key away from the audit log and keeps its head.
func (v *Vault) auditSealing(o *opened) {
	if v.o.AuditLog == nil {
		return
	}
	v.o.AuditLog.Sealing()
	v.keepAuditHead(o)
}

// keepAuditHead notes in the store how far the audit log is, if it went on.
// Only the timekeeper calls it, and seal after the timekeeper ended. A log that
// is shorter than the kept head was cut; the head stays, to say so again.
func (v *Vault) keepAuditHead(o *opened) {
	if v.o.AuditLog == nil {
		return
	}
	head := v.o.AuditLog.Head()
	if head.Size <= o.auditHead.Size {
		return
	}
	err := o.store.Commit(context.Background(), store.Batch{
		Puts:   []store.Put{{ID: auditHeadID(), Body: head.encode(), Expect: o.auditHead.version}},
		Urgent: true, NoteTime: o.clock.stamp(),
	})
	if err != nil {
		v.log.Warn("the audit log's head could not be kept", "error", err)
		return
	}
	o.auditHead.AuditHead = head
	o.auditHead.version++
}
