package vault

import (
	"context"
	"time"
)

// TrimKey asks for the destruction of every version below the key's
// min-decrypt-version, which opens nothing any more.
type TrimKey struct {
	Name   Name
	Reason string
	By     string
}

// TrimKey destroys the versions below min-decrypt-version for good, and returns
// how many. Errors: key_not_found, wrong_state where there is nothing to trim.
func (v *Vault) TrimKey(ctx context.Context, c TrimKey) (KeyInfo, int, error) {
	if err := checkTombstone(c.By, c.Reason); err != nil {
		return KeyInfo{}, 0, err
	}
	o, err := v.enter()
	if err != nil {
		return KeyInfo{}, 0, err
	}
	defer v.mu.RUnlock()
	k, err := o.ring.lookup(c.Name)
	if err != nil {
		return KeyInfo{}, 0, err
	}
	trimmed := 0
	info, err := o.end(ctx, k, func(now time.Time) (*destruction, error) {
		below := uint32(0)
		if k.rec.life != nil {
			below = k.rec.life.minDecrypt
		}
		if s := k.whole(now); s == StatePendingDestruction || s == StateDestroyed {
			return nil, k.refusal(s, opDestroy, uint32(len(k.rec.versions)), now)
		}
		d := o.planEnd(k, func(n uint32) destroyCause {
			if n < below && k.alone(n, now) != StateDestroyed {
				trimmed++
				return destroyedAsked
			}
			return notDestroyed
		}, c.By, c.Reason, now)
		switch {
		case d == nil && below <= 1:
			return nil, E(CodeWrongState, "key %s has no min-decrypt-version, below which versions are destroyed", k.name).
				WithHint("set it with 'vaultctl key update %s --min-decrypt-version …'", k.name)
		case d == nil:
			return nil, E(CodeWrongState, "every version of key %s below its min-decrypt-version, %d, is destroyed already", k.name, below).
				WithHint("raise that with 'vaultctl key update %s --min-decrypt-version …'", k.name)
		}
		return d, nil
	})
	return info, trimmed, err
}
