package vault

import (
	"time"

	"github.com/vaultd/vaultd/vault/backup"
	"github.com/vaultd/vaultd/vault/store"
)

// maxKnownBackups bounds the memory of backups: those that one can build on.
const maxKnownBackups = 64

// KnownBackup is a backup that the vault remembers having made.
type KnownBackup struct {
	Time     time.Time
	Sequence uint64
	Full     bool
	Base     uint64 // sequence of the backup that it builds on; 0 for a full one
	Hash     [32]byte
}

func backupsRecordID() store.ID { return store.ID{Kind: kindBackups, Path: "made"} }

// appendBackups writes the record of the backups made: format, number (1 byte)
// and for each time, sequence (8 bytes), whether it is full, the base's sequence
// (8 bytes), hash (32 bytes). Sequences rise.
func appendBackups(b []byte, list []KnownBackup) []byte {
	b = append(b, recordFormat, byte(len(list)))
	for _, k := range list {
		b = appendTime(b, k.Time)
		b = appendU64(b, k.Sequence)
		b = appendBool(b, k.Full)
		b = appendU64(b, k.Base)
		b = append(b, k.Hash[:]...)
	}
	return b
}

func parseBackups(b []byte) ([]KnownBackup, error) {
	r := &reader{b: b}
	r.check(r.u8() == recordFormat)
	n := int(r.u8())
	r.check(n <= maxKnownBackups)
	var list []KnownBackup
	for i := range n {
		k := KnownBackup{Time: r.time(), Sequence: r.u64(), Full: r.bool(), Base: r.u64(), Hash: r.array32()}
		r.check(!k.Time.IsZero() && (!k.Full || k.Base == 0) && k.Base <= k.Sequence && (i == 0 || list[i-1].Sequence < k.Sequence))
		if r.failed {
			break
		}
		list = append(list, k)
	}
	return list, r.done()
}

// restoredMark is what a restored vault remembers of that, until it has told.
type restoredMark struct {
	when        time.Time
	made        time.Time // the backup
	seq         uint64    // the backup's
	hash        backup.Hash
	resurrected bool
	lost        uint64 // the commit up to which the vault was known to have gone on; 0 for none
	told        bool
	head        *AuditHead // of the audit log at the time of the backup; nil for none
}

func restoredRecordID() store.ID { return store.ID{Kind: kindRestored, Path: "last"} }

func (m *restoredMark) append(b []byte) []byte {
	b = append(b, recordFormat)
	b = appendTime(b, m.when)
	b = appendTime(b, m.made)
	b = appendU64(b, m.seq)
	b = append(b, m.hash[:]...)
	b = appendBool(b, m.resurrected)
	b = appendU64(b, m.lost)
	b = appendBool(b, m.told)
	b = appendBool(b, m.head != nil)
	if m.head != nil {
		b = appendU64(b, m.head.Size)
		b = append(b, m.head.Root[:]...)
	}
	return b
}

func parseRestored(b []byte) (*restoredMark, error) {
	r := &reader{b: b}
	r.check(r.u8() == recordFormat)
	m := &restoredMark{
		when: r.time(), made: r.time(), seq: r.u64(), hash: backup.Hash(r.array32()),
		resurrected: r.bool(), lost: r.u64(), told: r.bool(),
	}
	if r.bool() {
		m.head = &AuditHead{Size: r.u64(), Root: r.array32()}
	}
	r.check(!m.when.IsZero() && !m.made.IsZero())
	if err := r.done(); err != nil {
		return nil, err
	}
	return m, nil
}
