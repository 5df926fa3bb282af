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
	if o.attempted != nil {
		o.attempted(Attempt{k.name, number, useNames(need), at})
	}
}
