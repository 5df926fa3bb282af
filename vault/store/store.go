package store

import (
	"log/slog"
	"time"
)

// Limits on what a caller may store.
const (
	MaxPath  = 512       // bytes of ID.Path
	MaxBody  = 256 << 10 // bytes of Record.Body
	MaxBatch = 16 << 20  // bytes of a batch's bodies and paths, with 128 bytes added for each
)

// Kind tells the vault's record types apart. The vault chooses 1 to 200; 0
// and everything above 200 belong to the store.
type Kind uint8

const maxKind Kind = 200

// ID is the logical address of a record. It is blinded before it reaches a
// file.
type ID struct {
	Kind Kind
	Path string // 1 to MaxPath bytes
}

// Record is a live record.
type Record struct {
	ID
	// Version is 1 for a new record and one more with each Put. A record
	// created again after a delete may go on from its old version.
	Version uint64
	// Body belongs to whom it was given; the store keeps no reference.
	Body []byte
}

// Put writes one record.
type Put struct {
	ID
	Body   []byte
	Expect uint64 // version the record must have now; 0: it must not exist
}

// Batch is a set of changes that happen together or not at all.
type Batch struct {
	Puts []Put
	// Deletes names housekeeping records to drop. A missing one is no error.
	// Security state is never deleted but overwritten by a Put.
	Deletes []ID
	// Urgent lets the batch use the space kept back below the free-space
	// floor: for revocation, destruction and sealing.
	Urgent bool
	// Anchor makes the anchor outside the store durable before Commit
	// returns. Without it the anchor follows within about a second.
	Anchor bool
	// NoteTime raises the high-water mark of time, never lowers it.
	NoteTime time.Time
}

// Options says where a store lies and how it behaves.
type Options struct {
	Dir        string   // store directory, mode 0700
	Lock       *Lock    // of Dir, if the caller holds it; nil: taken while open
	AnchorPath string   // file outside Dir; "" for none
	VaultID    [16]byte // bound into everything sealed
	RootKey    []byte   // 32 bytes; not kept: keys are derived from it

	// HeaderHash and HeaderEpoch identify the vault's header. The anchor
	// holds them, so that an older header is noticed.
	HeaderHash  [32]byte
	HeaderEpoch uint64

	AcceptRollback bool // go on although the anchor disagrees, and reset it

	Log *slog.Logger     // nil: no log
	Now func() time.Time // nil: time.Now

	// MinFree is the free space in bytes below which ordinary batches are
	// refused; Ballast the size of the file that is given up for urgent
	// ones. 0: scaled to the file system.
	MinFree, Ballast int64

	// OnFail is called once, from a goroutine of its own, when a write error
	// stops the store.
	OnFail func(error)

	// Visit, if set, sees every live record once while Open verifies them,
	// in no order and never concurrently. Its error ends Open. The record's
	// Body is valid only during the call.
	Visit func(Record) error

	// Publish, if set, is called by Create when everything else is durable.
	// Until it has returned nil the directory counts as holding no store, so
	// that the vault's header and the store appear together.
	Publish func() error
}

// State says what a store can do.
type State uint8

// The states.
const (
	StateOK     State = iota // takes commits
	StateFull                // takes urgent batches only
	StateFailed              // takes no commits
)

func (s State) String() string {
	switch s {
	case StateOK:
		return "ok"
	case StateFull:
		return "full"
	default:
		return "failed"
	}
}

// Stats describes a store at one moment.
type Stats struct {
	State      State
	Seq        uint64 // number of the last commit
	Records    int    // live records
	Generation uint64
	Journal    int64 // bytes of journal in use, in one copy
	Live       int64 // bytes of it that live records take
	Tables     int   // Badger tables
	Free       int64 // bytes free on the file system
	Rebuilt    bool  // Open built Badger anew from the journal
}
