package vault

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vaultd/vaultd/internal/secret"
	"github.com/vaultd/vaultd/vault/store"
)

// Options says where a vault lies and how it behaves.
type Options struct {
	Dir        string // the vault's directory, mode 0700; made by Init where it is missing
	AnchorPath string // file outside Dir that a rollback of Dir does not reach; "" for none
	// Guesses is the file that counts wrong passwords and passphrases, so that a
	// restart does not give new guesses; "" counts them in memory only.
	Guesses string
	// KeysPerOwner is SetKeysPerOwner's number.
	KeysPerOwner int

	Log    *slog.Logger     // nil: no log
	Now    func() time.Time // nil: time.Now
	Random io.Reader        // nil: crypto/rand

	// MinFree and Ballast are passed on to the store; zero scales them to
	// the file system.
	MinFree, Ballast int64

	// ClockTolerance is how far the clock may be set back before status
	// reports it; zero is two minutes. Expiry goes by the latest time seen
	// in any case.
	ClockTolerance time.Duration
	// NoteEvery is how often the time is noted on disk while nothing else is
	// written; zero is two minutes.
	NoteEvery time.Duration
	// ExpiryWarning is how long before its expiry a key is told of; zero is a week.
	ExpiryWarning time.Duration
	// KDFTime is what Init and ChangePassword calibrate PBKDF2 to; zero is
	// half a second.
	KDFTime time.Duration
	// AuditLog is told of unsealing and sealing; nil is none.
	AuditLog AuditLog
	// Changed is told when the vault has been unsealed or sealed; nil is none. It
	// must not unseal or seal in turn.
	Changed func(sealed bool)
	// Upgraded is told when a vault was brought up to date: what it has now that it
	// had not, and where the copy of before is. Nil is none.
	Upgraded func(features, copy string)
}

// Vault is one vault, sealed or unsealed. It is safe for concurrent use.
type Vault struct {
	o       Options
	log     *slog.Logger
	files   headerFiles
	guesses *guesses
	bytes   byteCount
	// keysPerOwner is SetKeysPerOwner's number, 0 for no bound.
	keysPerOwner atomic.Int64

	// aliased says that the vault has, or had since it was unsealed, an alias: until
	// then no request looks for one.
	aliased atomic.Bool

	// admin serialises Init, Unseal, Seal, Close and whatever replaces the header. It is
	// taken before mu and held over a key derivation, which mu never is.
	admin  sync.Mutex
	closed bool // guarded by admin
	// onPolicyRecords is guarded by admin; see OnPolicyRecords.
	onPolicyRecords func(*PolicyRecords) error
	custody         custody    // guarded by admin; see Inspect
	life            LifeEvents // guarded by admin; see OnLife
	// sealing is written with admin held; never nil.
	sealing atomic.Pointer[Sealing]

	// mu guards opened. Every operation holds it shared from start to end,
	// so that Seal, which takes it exclusively, waits for what is running.
	mu     sync.RWMutex
	opened *opened // nil while sealed
}

// opened is all that exists only while the vault is unsealed.
type opened struct {
	header     *header
	store      *store.Store
	lock       *store.Lock // of the directory
	ring       *keyring
	exchanges  *exchanges
	kept       *kept
	auditHead  *auditHead
	backups    *backups
	clock      *clock
	timekeeper *timekeeper
	census     censusTaker
	since      time.Time
	with       string // name of the key slot that opened it
	warnings   []string
	random     io.Reader

	keysPerOwner *atomic.Int64 // the vault's
	life         LifeEvents
}

// New prepares the vault in o.Dir, sealed. It works where there is no vault
// yet: only Init and Status do then.
func New(o Options) (*Vault, error) {
	if o.Dir == "" {
		return nil, E(CodeBadArgument, "a vault needs a directory")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.ClockTolerance == 0 {
		o.ClockTolerance = 2 * time.Minute
	}
	if o.NoteEvery == 0 {
		o.NoteEvery = 2 * time.Minute
	}
	if o.ExpiryWarning == 0 {
		o.ExpiryWarning = 7 * 24 * time.Hour
	}
	if o.KDFTime == 0 {
		o.KDFTime = 500 * time.Millisecond
	}
	v := &Vault{
		o: o, log: o.Log, files: headerFiles{dir: o.Dir},
		guesses: newGuesses(o.Guesses, o.Now, o.Log),
	}
	v.SetKeysPerOwner(o.KeysPerOwner)
	v.noteSealed(SealedAtStart, "")
	return v, nil
}

// enter begins an operation. On success the caller holds v.mu shared and must
// release it; nothing that it calls may enter again.
func (v *Vault) enter() (*opened, error) {
	v.mu.RLock()
	if v.opened == nil {
		v.mu.RUnlock()
		if !v.Initialized() {
			return nil, ErrNotInitialized
		}
		return nil, ErrSealed
	}
	return v.opened, nil
}

// Opened is nil while the vault is unsealed, and otherwise the error that says
// why it is not: not_initialized, sealed.
func (v *Vault) Opened() error {
	_, err := v.enter()
	if err == nil {
		v.mu.RUnlock()
	}
	return err
}

// Initialized reports whether there is a vault in the directory, be it damaged.
func (v *Vault) Initialized() bool {
	_, _, err := v.files.load()
	return err != ErrNotInitialized
}

// UnsealedWith is the name of the key slot that opened the vault, empty while it is sealed.
func (v *Vault) UnsealedWith() string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if v.opened == nil {
		return ""
	}
	return v.opened.with
}

// Status describes a vault to whoever asks.
type Status struct {
	Initialized bool
	Sealed      bool
	VaultID     [16]byte // zero when there is no readable header
	Format      int      // of the header
	Iterations  int      // of the password slot that has the fewest

	// What follows is known only while unsealed.
	Keys           int
	Owners         int
	Records        int
	Sequence       uint64
	Generation     uint64
	Store          string // "ok", "full" or "failed"
	ClockRegressed bool
	MemoryLocked   bool
	Warnings       []string
	UnsealedAt     time.Time
	UnsealedWith   string // the key slot's name
}

// Status tells how the vault is. It never fails; what is damaged is among the warnings.
func (v *Vault) Status() Status {
	v.mu.RLock()
	defer v.mu.RUnlock()
	s := Status{Sealed: v.opened == nil, MemoryLocked: secret.Locked()}
	if v.opened == nil {
		h, _, err := v.files.load()
		s.Initialized = err != ErrNotInitialized
		switch {
		case err == nil:
			s.describe(h)
		case s.Initialized:
			s.Warnings = append(s.Warnings, err.Error())
		}
		return s
	}
	o := v.opened
	s.Initialized = true
	s.describe(o.header)
	s.Keys, s.Owners = o.ring.counts()
	stats := o.store.Stats()
	s.Records, s.Sequence, s.Generation, s.Store = stats.Records, stats.Seq, stats.Generation, stats.State.String()
	s.ClockRegressed = o.clock.regressed()
	s.UnsealedAt, s.UnsealedWith = o.since, o.with
	s.Warnings = append(s.Warnings, o.warnings...)
	if s.ClockRegressed {
		s.Warnings = append(s.Warnings, "the clock was set back; expiry goes by the latest time seen")
	}
	return s
}

func (s *Status) describe(h *header) {
	s.VaultID, s.Format = h.vaultID, int(h.format())
	for i := range h.slots {
		if n := int(h.slots[i].iterations); n > 0 && (s.Iterations == 0 || n < s.Iterations) {
			s.Iterations = n
		}
	}
}

// commit makes a batch durable, noting the time with it. It does not end
// early: a batch that was queued may be written whatever the caller wishes, and
// memory has to follow the disk.
func (o *opened) commit(ctx context.Context, b store.Batch) error {
	if err := ctx.Err(); err != nil {
		return E(CodeTimeout, "the request was given up before anything was changed").Because(err)
	}
	b.NoteTime = o.clock.stamp()
	return o.store.Commit(context.WithoutCancel(ctx), b)
}
