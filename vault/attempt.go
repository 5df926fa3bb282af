package vault

import (
	"errors"
	"time"

	"github.com/vaultd/vaultd/crypto/keytype"
)

// Attempt is a use of a key that was refused because its destruction is set.
// Somebody still needs what is about to go.
type Attempt struct {
	Name    Name
	Version uint32
	Use     string // "encrypt", "sign", …
	At      time.Time
}

// KeyEnd is material that the vault destroyed by itself because its time had come.
type KeyEnd struct {
	Name     Name
	ID       KeyID
	Versions []uint32
	// Private says that only the private half of a signing key has ended, with
	// its period; else it is a destruction that somebody had set for this time.
	Private bool
	At      time.Time
}

// LifeEvents are told what happens to keys without, or against, a request. They
// must return soon, and must not call the vault.
type LifeEvents struct {
	Attempted func(Attempt)     // nil is none
	Ended     func(KeyEnd)      // nil is none
	Rotated   func(KeyRotation) // nil is none
	Happened  func(KeyEvent)    // nil is none; requested or not
}

// OnLife sets what is told of the life of keys. Set it before the first Unseal.
func (v *Vault) OnLife(e LifeEvents) {
	v.admin.Lock()
	defer v.admin.Unlock()
	v.life = e
}

var errPending = E(CodePendingDestruction, "the key is to be destroyed")

// reportAttempt tells of a refused use of a key whose destruction is set. It
// costs nothing for any other refusal.
func (o *opened) reportAttempt(k *key, number uint32, need keytype.Use, err error) {
	if !errors.Is(err, errPending) {
		return
	}
	at := o.clock.stamp()
	k.attempts.Add(1)
	k.lastAttempt.Store(at.UnixMicro())
	if o.life.Attempted != nil {
		o.life.Attempted(Attempt{k.name, number, useNames(need), at})
	}
}
