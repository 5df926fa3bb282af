package vault

import "time"

// SealReason is why a vault is sealed.
type SealReason string

// The reasons. All but the first are purposes: somebody, or a rule that somebody
// set, wanted the vault sealed.
const (
	SealedAtStart     SealReason = "start"     // the daemon was started, and nobody has unsealed since
	SealedByRequest   SealReason = "request"   // a request asked for it
	SealedBySignal    SealReason = "signal"    // a signal asked for it
	SealedByIdle      SealReason = "idle"      // no key was used for long
	SealedBySuspend   SealReason = "suspend"   // the machine goes to sleep
	SealedByLogout    SealReason = "logout"    // the last session of the vault's user ended
	SealedByLock      SealReason = "lock"      // a session of the vault's user was locked
	SealedByTampering SealReason = "tampering" // somebody else touched the daemon's files
)

// Sealing tells since when a vault is sealed, and why.
type Sealing struct {
	Reason SealReason
	Detail string // for people, in addition; may be empty
	At     time.Time
}

// OnPurpose reports whether an unseal that nobody asks for has to keep away: it
// would undo what was wanted.
func (s Sealing) OnPurpose() bool { return s.Reason != SealedAtStart }

// Sealing tells why the vault is sealed, or was the last time while it is not. It
// is the one place that knows whether the vault is sealed on purpose. What it says
// can change at once, but while v.admin is held.
func (v *Vault) Sealing() Sealing { return *v.sealing.Load() }

// noteSealed remembers why the vault is sealed. The caller holds v.admin, or is New.
func (v *Vault) noteSealed(reason SealReason, detail string) {
	v.sealing.Store(&Sealing{Reason: reason, Detail: detail, At: v.o.Now()})
}

// SealBecause is Seal for another reason. One that is sealed stays sealed for
// the reason that it has, unless that was the start: from then on it is sealed on
// purpose, so that an unseal at the start that comes later keeps away.
func (v *Vault) SealBecause(reason SealReason, detail string) error {
	v.admin.Lock()
	defer v.admin.Unlock()
	if !v.isOpen() {
		if !v.Sealing().OnPurpose() {
			v.noteSealed(reason, detail)
		}
		return nil
	}
	v.noteSealed(reason, detail)
	return v.seal()
}
