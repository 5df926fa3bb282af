package vault

import (
	"strconv"
	"time"

	"github.com/vaultd/vaultd/vault/policy/quota"
)

// slotGuess is a guess at several slots at once.
type slotGuess struct {
	of     *guesses
	common quota.Guess
	each   map[uint32]quota.Guess // by slot; empty where the common count is all
	wait   time.Duration          // for those that were left out; 0 for none
}

// beginSlots asks for a guess at slots that are throttled, and returns those of them that it
// may be tried on. However many these are, it is one. With alone, no other slot of the vault
// is throttled: who has the right secret has nothing left to guess. Else the secret of one slot
// must not pay for guesses at another, so that passwords are counted for their slots too.
func (g *guesses) beginSlots(slots []*slot, alone bool) ([]*slot, slotGuess, error) {
	now := g.now()
	common, wait, ok := g.throttle.Begin(subjectPassword, now)
	if !ok {
		return nil, slotGuess{}, throttled(wait, "passwords")
	}
	guess := slotGuess{of: g, common: common}
	if alone || slots[0].kind.Random() {
		g.save()
		return slots, guess, nil
	}
	guess.each = make(map[uint32]quota.Guess)
	var open []*slot
	for _, s := range slots {
		one, wait, ok := g.throttle.Begin(subjectPassword+" slot="+strconv.FormatUint(uint64(s.id), 10), now)
		switch {
		case ok:
			guess.each[s.id] = one
			open = append(open, s)
		case guess.wait == 0 || wait < guess.wait:
			guess.wait = wait
		}
	}
	if len(open) == 0 {
		common.Undo()
		return nil, slotGuess{}, throttled(guess.wait, "passwords")
	}
	g.save()
	return open, guess, nil
}

// right forgets all guesses at the slot that opened, and this one at the others.
func (g slotGuess) right(by *slot) {
	g.common.Right()
	for id, one := range g.each {
		if id == by.id {
			one.Right()
		} else {
			one.Undo()
		}
	}
	g.of.save()
}

// undo forgets this guess.
func (g slotGuess) undo() {
	g.common.Undo()
	for _, one := range g.each {
		one.Undo()
	}
	g.of.save()
}

// left is the error of a secret that none of the slots took, where some were left
// out and it may be theirs; else nil.
func (g slotGuess) left() error {
	if g.wait == 0 {
		return nil
	}
	return throttled(g.wait, "passwords")
}
